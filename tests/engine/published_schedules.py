"""The scheduler configurations that the originals are published with, and toys that carry them.

A configuration that lacks a field means something else than one that has its default: diffusers lets each scheduler
class fill in what is missing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers

from generation.engine.checkpoints.store.files import write_json

_LATENT_DIFFUSION: Mapping[str, Any] = {
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}
SD1: Mapping[str, Any] = {"_class_name": "PNDMScheduler", **_LATENT_DIFFUSION}
SD2: Mapping[str, Any] = {
    "_class_name": "DDIMScheduler",
    **_LATENT_DIFFUSION,
    "prediction_type": "v_prediction",
}
SD2_BASE: Mapping[str, Any] = {
    "_class_name": "PNDMScheduler",
    **_LATENT_DIFFUSION,
    "prediction_type": "epsilon",
}
UPSCALER: Mapping[str, Any] = {**SD2, "beta_start": 0.0001, "beta_end": 0.02}
LOW_RES: Mapping[str, Any] = {
    "_class_name": "DDPMScheduler",
    "beta_end": 0.02,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.0001,
    "clip_sample": True,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "trained_betas": None,
    "variance_type": "fixed_small",
}
LCM: Mapping[str, Any] = {
    **SD1,
    "_class_name": "LCMScheduler",
    "original_inference_steps": 50,
    "prediction_type": "epsilon",
    "timestep_spacing": "leading",
}
SDXL: Mapping[str, Any] = {
    "_class_name": "EulerDiscreteScheduler",
    **_LATENT_DIFFUSION,
    "interpolation_type": "linear",
    "prediction_type": "epsilon",
    "sample_max_value": 1.0,
    "timestep_spacing": "leading",
    "use_karras_sigmas": False,
}
SD3: Mapping[str, Any] = {
    "_class_name": "FlowMatchEulerDiscreteScheduler",
    "num_train_timesteps": 1000,
    "shift": 3.0,
}


def scheduler(published: Mapping[str, Any], **changes: Any) -> Any:
    """Return the noise scheduler of a published configuration."""
    scheduler_class = getattr(diffusers, published["_class_name"])
    return scheduler_class.from_config({**published, **changes})


def save(pipeline: Any, folder: Path) -> None:
    """Write the pipeline with the scheduler configurations as they were published.

    diffusers would add the defaults of the scheduler's own class, which then count for every other class, too.
    """
    pipeline.save_pretrained(folder)
    for part in ("scheduler", "low_res_scheduler"):
        if (each := getattr(pipeline, part, None)) is not None:
            write_json(folder / part / "scheduler_config.json", _given(each.config))


def _given(config: Mapping[str, Any]) -> dict[str, Any]:
    filled_in = {"_use_default_values", *config.get("_use_default_values", ())}
    return {name: value for name, value in config.items() if name not in filled_in}
