"""The diffusion engine: many requests, one device, one denoising step at a time.

Requests for the same checkpoint and size share each forward pass of the model, whatever their
prompts, seeds, step counts, guidance and noise schedulers; between two steps any of them can join,
leave, be canceled or shown as a preview. The engine imports nothing of Django, jobs or billing: it takes a
`GenerationRequest` and a key, and answers with events and charges.

Each package imports only those after it: loop, loading, diffusion, request, checkpoints, then the
modules enums, messages and events. Torch is loaded from diffusion upwards, and by sketchbook, which
trains the bundled checkpoint.
"""

import os

# Before torch loads OpenMP: threads that wait for each other must sleep. While they spin, a thread that a busy
# neighbor keeps from its core costs the others CPU time, which customers would pay.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
