"""Infotext: the settings of an image as AUTOMATIC1111 writes them into the `parameters` of a PNG.

It has the prompt, a line for the negative prompt, and a line of settings.
"""

from generation.engine.request import GenerationRequest, expert_infotext, sampler_names


def write(request: GenerationRequest, *, seed: int) -> str:
    """Return the infotext for the request's image of this seed."""
    sampler, schedule = sampler_names.shown(request.noise_scheduler, request.sigma_schedule)
    settings = {
        "Steps": request.num_inference_steps,
        "Sampler": sampler,
        # Without it, the web UI would take its automatic one.
        "Schedule type": schedule,
        "CFG scale": f"{request.guidance_scale:g}",
        "Seed": seed,
        "Size": f"{request.width}x{request.height}",
        "Model": request.checkpoint,
    }
    if request.mode.has_picture:
        settings["Denoising strength"] = f"{request.strength:g}"
    settings |= expert_infotext.write(request)
    if request.origin_step:
        # The web UI has nothing like it: with these settings alone, it draws another image.
        settings["Continued from step"] = request.origin_step
    lines = [request.prompt]
    if request.negative_prompt:
        lines.append(f"Negative prompt: {request.negative_prompt}")
    lines.append(", ".join(f"{name}: {value}" for name, value in settings.items()))
    return "\n".join(lines)
