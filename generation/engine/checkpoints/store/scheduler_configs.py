"""Configurations of noise schedulers: a single file's, and those that earlier releases wrote.

A field that is missing has the default of whichever scheduler class a request chooses, so a configuration here has
the fields of the family's original, no more and no fewer.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generation.engine import strict_json
from generation.engine.checkpoints.store.inspection import Contents
from generation.engine.enums import Family

Config = dict[str, Any]

PATH = "scheduler/scheduler_config.json"
_ZERO_SNR_SIGN = "ztsnr"
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
_SDXL: Mapping[str, Any] = {
    "_class_name": "EulerDiscreteScheduler",
    **_LATENT_DIFFUSION,
    "interpolation_type": "linear",
    "sample_max_value": 1.0,
    "timestep_spacing": "leading",
    "use_karras_sigmas": False,
}
_SD3: Mapping[str, Any] = {
    "_class_name": "FlowMatchEulerDiscreteScheduler",
    "num_train_timesteps": 1000,
    "shift": 3.0,
}
# Earlier releases left these out for SDXL. DDIM and DDPM then clip latents to 1, where 19 is usual.
_FORGOTTEN: Mapping[str, Any] = {"clip_sample": False, "set_alpha_to_one": False}


def inferred(contents: Contents, prediction: str) -> Config:
    """Return the configuration for a single file."""
    if contents.family is Family.SD3:
        return dict(_SD3)
    if contents.family is Family.SDXL:
        zero_snr = {"rescale_betas_zero_snr": True} if _ZERO_SNR_SIGN in contents.tensors else {}
        return {**_SDXL, "prediction_type": prediction, **zero_snr}
    original = "PNDMScheduler" if prediction == "epsilon" else "DDIMScheduler"
    return {"_class_name": original, **_LATENT_DIFFUSION, "prediction_type": prediction}


def read(folder: Path) -> Config:
    """Return the configuration of a checkpoint's folder, mended if an earlier release wrote it.

    Raises OSError or ValueError.
    """
    # diffusers writes -Infinity into these.
    content = strict_json.loads((folder / PATH).read_bytes(), is_stored=False, is_finite=False)
    if not isinstance(content, dict):
        raise ValueError(f"{PATH} is no object")
    is_ours = "_diffusers_version" not in content
    is_sdxl = content.get("_class_name") == _SDXL["_class_name"]
    if is_ours and is_sdxl and not content.keys() & _FORGOTTEN.keys():
        return {**content, **_FORGOTTEN}
    return content
