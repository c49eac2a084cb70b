"""Default steps, guidance and noise schedule of an imported checkpoint.

Few-step checkpoints (Turbo, Lightning, LCM and others) are distilled to a handful of steps without guidance, and
mostly to timesteps that end a full step above zero ("trailing"). The defaults of their family would ruin their
images. They are known by the class of their noise scheduler, by their denoiser, or by their name.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from generation.engine import strict_json
from generation.engine.checkpoints.checkpoint import Checkpoint
from generation.engine.checkpoints.store import scheduler_configs
from generation.engine.checkpoints.store.files import write_json
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family, Mode, NoiseScheduler, SigmaSchedule

TRAILING = "trailing"
SPACINGS = ("leading", "linspace", TRAILING)
# Without guidance of its own, a step is one pass.
OFF = 1.0
# As published for models that read their guidance.
EMBEDDED_GUIDANCE = 8.0

_UNET = "unet/config.json"
_STEPS_IN_NAME = re.compile(r"(\d{1,2})[ _-]?steps?\b", re.IGNORECASE)
# Parts of a name: "dreamshaperXL_v2TurboDpmppSDE" has the part "turbo".
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# "LCMdreamshaper" and "TURBOxl", in swapped case.
_CAPITALS = re.compile(r"(?<![a-z])(lcm|turbo|lightning)(?![a-z])")
# "SDXLturbo" and "turboxl", but neither "turbocharged" nor "enlightning".
_JOINED = re.compile(
    r"(?:(?<![a-z])|xl|sd)(lcm|turbo|lightning)(?=xl(?![a-z])|sd(?:xl)?(?![a-z])|v?\d|[^a-z]|$)"
)
# "Hyper-SDXL-8steps" and "dreamshaperXL_hyper", but neither "hyperRealism_v3" nor "HyperFantasy".
_HYPER = re.compile(
    r"hyper[ _-]*(?:sd(?:xl)?(?![a-z])|\d{1,2}[ _-]?steps?)"
    r"|(?:sd[\d.]*|xl|steps?)[ _-]*hyper(?=[ _.-]*v?\d|$)"
    r"|[ _-]hyper$",
    re.IGNORECASE,
)
_SIGMAS = {
    "use_karras_sigmas": SigmaSchedule.KARRAS,
    "use_exponential_sigmas": SigmaSchedule.EXPONENTIAL,
    "use_beta_sigmas": SigmaSchedule.BETA,
}


@dataclass(frozen=True, kw_only=True)
class SamplingOptions:
    """The operator's choices; None is detected."""

    steps: int | None = None
    guidance: float | None = None
    spacing: str | None = None


@dataclass(frozen=True)
class _Kind:
    """A way of distilling, and the defaults that go with it. `spacing` is None where it has no effect."""

    noise_scheduler: NoiseScheduler
    steps: int
    spacing: str | None


_KINDS: Mapping[str, _Kind] = {
    "lcm": _Kind(NoiseScheduler.LCM, 4, None),
    "tcd": _Kind(NoiseScheduler.TCD, 4, None),
    "dmd": _Kind(NoiseScheduler.LCM, 4, None),
    "lightning": _Kind(NoiseScheduler.EULER, 4, TRAILING),
    "turbo": _Kind(NoiseScheduler.EULER_ANCESTRAL, 4, TRAILING),
    "hyper": _Kind(NoiseScheduler.DDIM, 8, TRAILING),
}
_CLASSES: Mapping[str, str] = {"LCMScheduler": "lcm", "TCDScheduler": "tcd"}


def apply(
    checkpoint: Checkpoint, folder: Path, *, names: Iterable[str], options: SamplingOptions
) -> Checkpoint:
    """Return the checkpoint with the defaults that suit it; write another spacing into its folder.

    `names` are the texts that may name its kind. Raises Unusable for steps that its noise scheduler can't take.
    """
    config, embeds_guidance = scheduler_configs.read(folder), reads_guidance(folder)
    texts = list(names)
    kind = _kind(config, texts, embeds_guidance=embeds_guidance)
    changed = replace(checkpoint, embeds_guidance=embeds_guidance)
    spacing = options.spacing
    # Enlarging and flow matching have schedules of their own.
    if kind and Mode.UPSCALE not in checkpoint.modes:
        is_flow = checkpoint.family is Family.SD3
        changed = replace(
            changed,
            num_inference_steps=_steps_in(texts, limit=kind.noise_scheduler.max_steps)
            or kind.steps,
            guidance_scale=EMBEDDED_GUIDANCE if embeds_guidance else OFF,
            noise_scheduler=changed.noise_scheduler if is_flow else kind.noise_scheduler.value,
        )
        spacing = spacing or (None if is_flow else kind.spacing)
    _require_able(NoiseScheduler(changed.noise_scheduler), options.steps)
    if spacing and spacing != config.get("timestep_spacing"):
        _write(folder / scheduler_configs.PATH, {**config, "timestep_spacing": spacing})
    return replace(
        changed,
        sigma_schedule=_sigma_schedule(config, changed),
        num_inference_steps=options.steps or changed.num_inference_steps,
        guidance_scale=changed.guidance_scale if options.guidance is None else options.guidance,
    )


def reads_guidance(folder: Path) -> bool:
    """Return True if the folder's unet takes the guidance scale as an embedding.

    Raises OSError or ValueError.
    """
    path = folder / _UNET
    return path.is_file() and bool(strict_json.read_object(path).get("time_cond_proj_dim"))


def _kind(
    config: Mapping[str, Any], texts: Iterable[str], *, embeds_guidance: bool
) -> _Kind | None:
    if name := _CLASSES.get(str(config.get("_class_name"))):
        return _KINDS[name]
    if embeds_guidance:
        return _KINDS["lcm"]
    words = {word for text in texts for word in _words_in(text)}
    return next((kind for name, kind in _KINDS.items() if name in words), None)


def _words_in(text: str) -> Iterator[str]:
    """Yield the words of a name, in small letters. "hyper" is one only where Hyper-SD is meant."""
    yield from (word.lower() for word in _WORD.findall(text) if word.lower() != "hyper")
    yield from _CAPITALS.findall(text.swapcase())
    yield from _JOINED.findall(text.lower())
    if _HYPER.search(text):
        yield "hyper"


def _steps_in(texts: Iterable[str], *, limit: int | None) -> int | None:
    found = (_STEPS_IN_NAME.search(text.replace("_", " ")) for text in texts)
    steps = next((int(match[1]) for match in found if match and int(match[1])), None)
    return steps if steps is None or limit is None else min(steps, limit)


def _require_able(scheduler: NoiseScheduler, steps: int | None) -> None:
    limit = scheduler.max_steps
    if steps is not None and limit is not None and steps > limit:
        raise Unusable(f"--steps {steps} is too many: {scheduler} takes at most {limit}.")


def _sigma_schedule(config: Mapping[str, Any], checkpoint: Checkpoint) -> str:
    """Return the sigmas that the configuration asks for, if the default noise scheduler has them."""
    scheduler = NoiseScheduler(checkpoint.noise_scheduler)
    if scheduler is NoiseScheduler.DPMPP_2M_KARRAS:
        return SigmaSchedule.UNIFORM.value
    able = scheduler.sigma_schedules(checkpoint.family)
    wanted = [schedule for option, schedule in _SIGMAS.items() if config.get(option)]
    return next((each.value for each in wanted if each in able), SigmaSchedule.UNIFORM.value)


def _write(path: Path, config: Mapping[str, Any]) -> None:
    """Replace the file; one that is a link to the operator's own stays as it is there."""
    write_json(path, config)
