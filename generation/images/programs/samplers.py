"""Names of samplers and schedules, by which other programs call our noise schedulers.

Programs spell the same sampler as "DPM++ 2M", "dpmpp_2m", "k_dpmpp_2m" or "dpmpp_2m_k"; a schedule is a name of its
own or the end of the sampler's.
"""

import re
from collections.abc import Mapping

from generation.engine.enums import NoiseScheduler
from generation.engine.request.infotext import SAMPLERS

# Schedules by their keys, see `_key`. A sampler's plain steps have several names.
_PLAIN, _KARRAS = "", "karras"
_SCHEDULES: Mapping[str, str] = {
    "karras": _KARRAS,
    "exponential": "exponential",
    "polyexponential": "polyexponential",
    "sgmuniform": "sgm_uniform",
    "beta": "beta",
    "simple": "simple",
    "normal": _PLAIN,
    "uniform": _PLAIN,
    "native": _PLAIN,
    "none": _PLAIN,
    "": _PLAIN,
}
_SHOWN: Mapping[str, str] = {
    "karras": "Karras",
    "exponential": "Exponential",
    "polyexponential": "Polyexponential",
    "sgm_uniform": "SGM Uniform",
    "beta": "Beta",
    "simple": "Simple",
}
# The plain steps of DDIM are called by its name.
_OWN_PLAIN = {("ddim", "ddim"), ("ddim", "ddimuniform")}
# AUTOMATIC1111 has a schedule for each sampler, which "Automatic" means.
_AUTOMATIC: Mapping[str, str] = {
    "dpmpp2m": _KARRAS,
    "dpmppsde": _KARRAS,
    "dpmpp2sa": _KARRAS,
    "dpm2": _KARRAS,
    "dpm2a": _KARRAS,
    "restart": _KARRAS,
    "dpmpp2msde": "exponential",
    "dpmpp2msdeheun": "exponential",
    "dpmpp3msde": "exponential",
}
# Other programs' names, by their keys.
_ALIASES = {
    "pndm": "plms",
    "kdpm2": "dpm2",
    "kdpm2a": "dpm2a",
    "unipcbh2": "unipc",
    "ddimv3": "ddim",
}
_ENDS = {" karras": _KARRAS, " exponential": "exponential", "_k": _KARRAS}


def noise_scheduler_of(sampler: str, schedule: str = "") -> tuple[NoiseScheduler | None, bool]:
    """Return the noise scheduler of these names, and whether it has the schedule.

    None for a sampler that is not here. Without the schedule, it is the sampler with its plain steps.
    """
    name, steps = _split(sampler, schedule)
    found = _BY_NAMES.get((name, steps))
    return (found, True) if found else (_BY_NAMES.get((name, _PLAIN)), False)


def schedule_in(sampler: str, schedule: str) -> str:
    """Return the schedule that the names speak of, for people."""
    key = _split(sampler, schedule)[1]
    return _SHOWN.get(key) or schedule or key


def _split(sampler: str, schedule: str) -> tuple[str, str]:
    """Return the keys of a sampler and its schedule."""
    sampler = sampler.strip().lower()
    for end, meant in _ENDS.items():
        if sampler.endswith(end):
            return _name(sampler.removesuffix(end)), _steps("", schedule) or meant
    return _name(sampler), _steps(_name(sampler), schedule)


def _name(sampler: str) -> str:
    sampler = re.sub("^(k|sample)_", "", sampler).removesuffix("_gpu")
    key = _key(sampler).replace("ancestral", "a")
    return _ALIASES.get(key, key)


def _steps(name: str, schedule: str) -> str:
    key = _key(schedule)
    if key == "automatic":
        return _AUTOMATIC.get(name, _PLAIN)
    return _PLAIN if (name, key) in _OWN_PLAIN else _SCHEDULES.get(key, key)


def _key(name: str) -> str:
    return re.sub("[^0-9a-z]", "", name.lower().replace("++", "pp"))


_BY_NAMES: Mapping[tuple[str, str], NoiseScheduler] = {
    _split(shown, ""): scheduler for scheduler, shown in SAMPLERS.items()
}
