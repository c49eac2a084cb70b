"""Names of samplers and schedules, by which other programs call our noise schedulers.

Programs spell the same sampler as "DPM++ 2M", "dpmpp_2m", "k_dpmpp_2m" or "dpmpp_2m_k"; a schedule is a name of its
own or the end of the sampler's.
"""

import re
from collections.abc import Mapping

from generation.engine.enums import Family, NoiseScheduler, SigmaSchedule
from generation.engine.request import sampler_names
from generation.engine.request.sampler_names import SAMPLERS, SCHEDULES

# Other programs' names, by their keys.
_ALIASES = {
    "pndm": "plms",
    "kdpm2": "dpm2",
    "kdpm2a": "dpm2a",
    "unipcbh2": "unipc",
    "ddimv3": "ddim",
}
# Schedules as the end of a sampler's name: "Euler a Karras", "dpmpp_2m_sde_sgm_uniform", "dpmpp_2m_k".
_END = re.compile(
    "[ _]("
    "karras|exponential|polyexponential|(sgm|ddim)[ _]uniform|uniform|beta|normal|simple|kl[ _]optimal"
    ")$|_k$"
)
# The plain steps of DDIM are called by its name.
_OWN_PLAIN = {("ddim", "ddim"), ("ddim", "ddimuniform")}
_AUTOMATIC = "automatic"


def sampling_of(
    sampler: str, schedule: str = ""
) -> tuple[NoiseScheduler | None, SigmaSchedule, bool]:
    """Return noise scheduler and sigma schedule of these names, and whether the schedule is the one meant.

    None for a sampler that is not here. If it lacks the schedule, it has its plain steps.
    """
    name, steps = _split(sampler, schedule)
    found = _SAMPLERS_BY_KEY.get(name)
    if found is None:
        return None, SigmaSchedule.UNIFORM, False
    meant = sampler_names.automatic(found) if steps == _AUTOMATIC else _SCHEDULES_BY_KEY.get(steps)
    if meant is None or meant not in found.sigma_schedules(Family.SD1):
        return found, SigmaSchedule.UNIFORM, False
    return *sampler_names.combined(found, meant), True


def schedule_in(sampler: str, schedule: str) -> str:
    """Return the schedule that the names speak of, for people."""
    key = _split(sampler, schedule)[1]
    known = _SCHEDULES_BY_KEY.get(key)
    return SCHEDULES[known] if known else schedule or key


def _split(sampler: str, schedule: str) -> tuple[str, str]:
    """Return the keys of a sampler and its schedule."""
    sampler = sampler.strip().lower()
    end = _END.search(sampler)
    name = _name(sampler[: end.start()] if end else sampler)
    meant = (end[1] or "karras") if end else ""
    return name, _steps(name, schedule or meant)


def _name(sampler: str) -> str:
    sampler = re.sub("^(k|sample)_", "", sampler).removesuffix("_gpu")
    key = _key(sampler).replace("ancestral", "a")
    return _ALIASES.get(key, key)


def _steps(name: str, schedule: str) -> str:
    key = _key(schedule)
    return "" if (name, key) in _OWN_PLAIN else key


def _key(name: str) -> str:
    return re.sub("[^0-9a-z]", "", name.lower().replace("++", "pp"))


_SAMPLERS_BY_KEY: Mapping[str, NoiseScheduler] = {
    _key(shown): scheduler for scheduler, shown in SAMPLERS.items()
}
# A sampler's plain steps have several names.
_SCHEDULES_BY_KEY: Mapping[str, SigmaSchedule] = {
    **dict.fromkeys(("", "normal", "native", "none"), SigmaSchedule.UNIFORM),
    **{_key(shown): schedule for schedule, shown in SCHEDULES.items()},
}
