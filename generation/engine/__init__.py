"""The diffusion engine: many requests, one device, one denoising step at a time.

Requests for the same checkpoint and size share each forward pass of the model, whatever their
prompts, seeds, step counts, guidance and noise schedulers; between two steps any of them can join,
leave, be canceled or shown as a preview. It knows nothing of Django, jobs or money: it is given a
`GenerationRequest` and a key, and answers with events and charges.

`catalogue`, `request` and `batcher` load no torch; `engine`, `loader`, `run`, `preview` and
`families` do.
"""
