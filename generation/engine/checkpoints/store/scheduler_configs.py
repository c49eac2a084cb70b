"""Configurations of noise schedulers: a single file's, those of earlier releases, and those that can be followed.

A field that is missing has the default of whichever scheduler class a request chooses, so a configuration here has
the fields of the family's original, no more and no fewer.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generation.engine import strict_json
from generation.engine.checkpoints.store.inspection import Contents
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family, NoiseScheduler

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

# Samplers for one kind of training: the noise of these is removed by any of the schedulers here.
_DIFFUSION = frozenset(
    {
        "DDIMScheduler",
        "DDPMScheduler",
        "DEISMultistepScheduler",
        "DPMSolverMultistepScheduler",
        "DPMSolverSDEScheduler",
        "DPMSolverSinglestepScheduler",
        "EulerAncestralDiscreteScheduler",
        "EulerDiscreteScheduler",
        "HeunDiscreteScheduler",
        "KDPM2AncestralDiscreteScheduler",
        "KDPM2DiscreteScheduler",
        "LCMScheduler",
        "LMSDiscreteScheduler",
        "PNDMScheduler",
        "SASolverScheduler",
        "TCDScheduler",
        "UniPCMultistepScheduler",
    }
)
_FLOW = frozenset({"FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler"})
_BETA_SCHEDULES = frozenset({"linear", "scaled_linear", "squaredcos_cap_v2"})
_PREDICTIONS = frozenset({"epsilon", "v_prediction"})
_INSTEAD = "Pictures would be wrong, so it is not taken: look for a version of the model that has an ordinary one."


def require_known(config: Config, family: Family) -> None:
    """Raise Unusable, by name, for a way of training that the noise schedulers here can't follow."""
    name = config.get("_class_name")
    known = _FLOW if family is Family.SD3 else _DIFFUSION
    if name is not None and name not in known:
        raise Unusable(
            f"Its noise scheduler is {name}, which {family} has no counterpart for here. {_INSTEAD}"
        )
    if family is Family.SD3:
        return
    for field, values, default in (
        ("prediction_type", _PREDICTIONS, "epsilon"),
        ("beta_schedule", _BETA_SCHEDULES, "linear"),
        ("timestep_type", frozenset({"discrete"}), "discrete"),
        ("use_flow_sigmas", frozenset({False}), False),
    ):
        if (value := config.get(field, default)) not in values:
            raise Unusable(
                f"Its noise scheduler has {field} {value!r}, which can't be followed here. {_INSTEAD}"
            )


def default_name(config: Config, otherwise: str) -> str:
    """Return the name of the checkpoint's own noise scheduler, if a name here has its settings."""
    if config.get("_class_name") != "DPMSolverMultistepScheduler":
        return otherwise
    if config.get("algorithm_type") == "sde-dpmsolver++":
        return NoiseScheduler.DPMPP_2M_SDE
    if config.get("use_karras_sigmas"):
        return NoiseScheduler.DPMPP_2M_KARRAS
    return NoiseScheduler.DPMPP_2M


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
    content = strict_json.read_object(folder / PATH, is_finite=False)
    is_ours = "_diffusers_version" not in content
    is_sdxl = content.get("_class_name") == _SDXL["_class_name"]
    if is_ours and is_sdxl and not content.keys() & _FORGOTTEN.keys():
        return {**content, **_FORGOTTEN}
    return content
