"""Noise schedulers and sigma schedules under the names that AUTOMATIC1111's web UI gives them."""

from collections.abc import Mapping

from generation.engine.enums import NoiseScheduler, SigmaSchedule

SAMPLERS: Mapping[NoiseScheduler, str] = {
    NoiseScheduler.DPMPP_2M: "DPM++ 2M",
    NoiseScheduler.DPMPP_2M_KARRAS: "DPM++ 2M Karras",
    NoiseScheduler.DPMPP_SDE: "DPM++ SDE",
    NoiseScheduler.DPMPP_2M_SDE: "DPM++ 2M SDE",
    NoiseScheduler.DPMPP_2M_SDE_HEUN: "DPM++ 2M SDE Heun",
    NoiseScheduler.UNIPC: "UniPC",
    NoiseScheduler.EULER: "Euler",
    NoiseScheduler.EULER_ANCESTRAL: "Euler a",
    NoiseScheduler.DDIM: "DDIM",
    NoiseScheduler.DDPM: "DDPM",
    NoiseScheduler.HEUN: "Heun",
    NoiseScheduler.LMS: "LMS",
    NoiseScheduler.DPM2: "DPM2",
    NoiseScheduler.DPM2_ANCESTRAL: "DPM2 a",
    NoiseScheduler.PNDM: "PLMS",
    NoiseScheduler.LCM: "LCM",
    NoiseScheduler.TCD: "TCD",
}
SCHEDULES: Mapping[SigmaSchedule, str] = {
    SigmaSchedule.UNIFORM: "Uniform",
    SigmaSchedule.KARRAS: "Karras",
    SigmaSchedule.EXPONENTIAL: "Exponential",
    SigmaSchedule.SGM_UNIFORM: "SGM Uniform",
    SigmaSchedule.BETA: "Beta",
}
AUTOMATIC = "Automatic"
# The web UI's automatic schedule of a sampler; of all others it is uniform.
_AUTOMATIC: Mapping[NoiseScheduler, SigmaSchedule] = {
    NoiseScheduler.DPMPP_2M: SigmaSchedule.KARRAS,
    NoiseScheduler.DPMPP_SDE: SigmaSchedule.KARRAS,
    NoiseScheduler.DPMPP_2M_SDE: SigmaSchedule.EXPONENTIAL,
    NoiseScheduler.DPMPP_2M_SDE_HEUN: SigmaSchedule.EXPONENTIAL,
    NoiseScheduler.DPM2: SigmaSchedule.KARRAS,
    NoiseScheduler.DPM2_ANCESTRAL: SigmaSchedule.KARRAS,
}
_ALIASES: Mapping[str, NoiseScheduler] = {
    "k_euler": NoiseScheduler.EULER,
    "k_euler_a": NoiseScheduler.EULER_ANCESTRAL,
    "k_lms": NoiseScheduler.LMS,
    "k_heun": NoiseScheduler.HEUN,
    "k_dpm_2": NoiseScheduler.DPM2,
    "k_dpm_2_a": NoiseScheduler.DPM2_ANCESTRAL,
    "k_dpmpp_2m": NoiseScheduler.DPMPP_2M,
    "k_dpmpp_2m_sde": NoiseScheduler.DPMPP_2M_SDE,
    "k_dpmpp_sde": NoiseScheduler.DPMPP_SDE,
}
_SAMPLERS_BY_NAME: Mapping[str, NoiseScheduler] = {
    **{name.lower(): scheduler for scheduler, name in SAMPLERS.items()},
    **{scheduler.value: scheduler for scheduler in NoiseScheduler},
    **_ALIASES,
}
_SCHEDULES_BY_NAME: Mapping[str, SigmaSchedule] = {
    **{name.lower(): schedule for schedule, name in SCHEDULES.items()},
    **{schedule.value: schedule for schedule in SigmaSchedule},
    # The web UI has it under both names.
    "normal": SigmaSchedule.UNIFORM,
}
Sampling = tuple[NoiseScheduler, SigmaSchedule]


class UnknownSampler(LookupError):
    """No noise scheduler here has this name."""


class UnknownSchedule(LookupError):
    """No sigma schedule here has this name."""


def sampler(name: str) -> tuple[NoiseScheduler, SigmaSchedule | None]:
    """Return the noise scheduler of a name, and the schedule that ends it, as in "DPM2 a Karras".

    Raises UnknownSampler.
    """
    lower = name.lower().strip()
    if found := _SAMPLERS_BY_NAME.get(lower):
        if found is NoiseScheduler.DPMPP_2M_KARRAS:
            return NoiseScheduler.DPMPP_2M, SigmaSchedule.KARRAS
        return found, None
    for ending, schedule in _SCHEDULES_BY_NAME.items():
        if found := _SAMPLERS_BY_NAME.get(lower.removesuffix(f" {ending}")):
            return found, schedule
    raise UnknownSampler(name)


def schedule(name: str, scheduler: NoiseScheduler) -> SigmaSchedule:
    """Return the sigma schedule of a name; "Automatic" depends on the noise scheduler.

    Raises UnknownSchedule.
    """
    lower = name.lower().strip()
    if lower == AUTOMATIC.lower():
        return automatic(scheduler)
    try:
        return _SCHEDULES_BY_NAME[lower]
    except KeyError:
        raise UnknownSchedule(name) from None


def automatic(scheduler: NoiseScheduler) -> SigmaSchedule:
    """Return the schedule that the web UI takes for a sampler if none is chosen."""
    return _AUTOMATIC.get(scheduler, SigmaSchedule.UNIFORM)


def combined(scheduler: NoiseScheduler, schedule: SigmaSchedule) -> Sampling:
    """Return the pair in its stored form: DPM++ 2M with Karras' sigmas has a name of its own."""
    if (scheduler, schedule) == (NoiseScheduler.DPMPP_2M, SigmaSchedule.KARRAS):
        return NoiseScheduler.DPMPP_2M_KARRAS, SigmaSchedule.UNIFORM
    return scheduler, schedule


def shown(scheduler: NoiseScheduler, schedule: SigmaSchedule) -> tuple[str, str]:
    """Return the names of the sampler and its schedule apart, as the web UI writes them since 1.9."""
    if scheduler is NoiseScheduler.DPMPP_2M_KARRAS:
        scheduler, schedule = NoiseScheduler.DPMPP_2M, SigmaSchedule.KARRAS
    return SAMPLERS[scheduler], SCHEDULES[schedule]


def shown_together(scheduler: NoiseScheduler, schedule: SigmaSchedule) -> str:
    """Return both in one name, as the web UI wrote them before 1.9: "DPM++ 2M Karras"."""
    name, schedule_name = shown(scheduler, schedule)
    is_plain = schedule_name == SCHEDULES[SigmaSchedule.UNIFORM]
    return name if is_plain else f"{name} {schedule_name}"
