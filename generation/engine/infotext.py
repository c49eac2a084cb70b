"""A request as the text that Stable Diffusion programs keep in their PNG files, under `parameters`.

The form is AUTOMATIC1111's: the prompt, a line for the negative prompt, and a line of settings.
"""

from collections.abc import Mapping

from generation.engine.request import GenerationRequest, NoiseScheduler

SAMPLERS: Mapping[NoiseScheduler, str] = {
    NoiseScheduler.DPMPP_2M: "DPM++ 2M",
    NoiseScheduler.UNIPC: "UniPC",
    NoiseScheduler.EULER: "Euler",
    NoiseScheduler.EULER_ANCESTRAL: "Euler a",
    NoiseScheduler.DDIM: "DDIM",
    NoiseScheduler.HEUN: "Heun",
    NoiseScheduler.PNDM: "PLMS",
}


def write(request: GenerationRequest, *, seed: int) -> str:
    """Return the text for the picture of the request that was made from `seed`."""
    settings = {
        "Steps": request.num_inference_steps,
        "Sampler": SAMPLERS[request.noise_scheduler],
        "CFG scale": f"{request.guidance_scale:g}",
        "Seed": seed,
        "Size": f"{request.width}x{request.height}",
        "Model": request.checkpoint,
    }
    lines = [request.prompt]
    if request.negative_prompt:
        lines.append(f"Negative prompt: {request.negative_prompt}")
    lines.append(", ".join(f"{name}: {value}" for name, value in settings.items()))
    return "\n".join(lines)
