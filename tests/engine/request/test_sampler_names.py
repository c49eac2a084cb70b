"""AUTOMATIC1111's names of samplers and schedules, and ours."""

import pytest

from generation.engine.enums import NoiseScheduler, SigmaSchedule
from generation.engine.request import sampler_names
from generation.engine.request.sampler_names import UnknownSampler, UnknownSchedule


def found(sampler: str, schedule: str) -> tuple[NoiseScheduler, SigmaSchedule]:
    scheduler, ending = sampler_names.sampler(sampler)
    return sampler_names.combined(scheduler, ending or sampler_names.schedule(schedule, scheduler))


@pytest.mark.parametrize("name", NoiseScheduler)
def test_every_noise_scheduler_has_a_name_there(name: NoiseScheduler) -> None:
    assert found(sampler_names.SAMPLERS[name], "Uniform") == (name, SigmaSchedule.UNIFORM)


@pytest.mark.parametrize(
    ("sampler", "schedule", "expected"),
    [
        ("DPM++ 2M", "Automatic", ("dpmpp_2m_karras", "uniform")),
        ("DPM++ 2M", "Karras", ("dpmpp_2m_karras", "uniform")),
        ("DPM++ 2M", "Uniform", ("dpmpp_2m", "uniform")),
        ("DPM++ 2M Karras", "Exponential", ("dpmpp_2m_karras", "uniform")),
        ("DPM++ 2M SDE", "Automatic", ("dpmpp_2m_sde", "exponential")),
        ("DPM++ 2M SDE Karras", "Automatic", ("dpmpp_2m_sde", "karras")),
        ("DPM++ 2M SDE Heun", "Automatic", ("dpmpp_2m_sde_heun", "exponential")),
        ("dpm++ sde", "automatic", ("dpmpp_sde", "karras")),
        ("DPM2 a", "Automatic", ("dpm2_ancestral", "karras")),
        ("DPM2 Karras", "", ("dpm2", "karras")),
        ("Euler SGM Uniform", "", ("euler", "sgm_uniform")),
        ("Euler", "Normal", ("euler", "uniform")),
        ("Euler", "sgm_uniform", ("euler", "sgm_uniform")),
        ("Euler a", "Automatic", ("euler_ancestral", "uniform")),
        ("k_lms", "Beta", ("lms", "beta")),
        ("LCM", "Automatic", ("lcm", "uniform")),
        ("TCD", "Automatic", ("tcd", "uniform")),
    ],
)
def test_names_are_found_as_the_web_ui_reads_them(
    sampler: str, schedule: str, expected: tuple[str, str]
) -> None:
    assert found(sampler, schedule) == expected


@pytest.mark.parametrize(
    "name",
    ["DPM++ 2S a", "DPM++ 3M SDE", "DPM fast", "DPM adaptive", "Restart", "DDIM CFG++", "", "x"],
)
def test_samplers_that_diffusers_lacks_are_unknown(name: str) -> None:
    with pytest.raises(UnknownSampler):
        sampler_names.sampler(name)


@pytest.mark.parametrize("name", ["Polyexponential", "Align Your Steps", "KL Optimal", "Simple"])
def test_schedules_that_diffusers_lacks_are_unknown(name: str) -> None:
    with pytest.raises(UnknownSchedule):
        sampler_names.schedule(name, NoiseScheduler.EULER)


def test_they_are_shown_apart_and_together() -> None:
    pair = (NoiseScheduler.DPM2_ANCESTRAL, SigmaSchedule.KARRAS)

    assert sampler_names.shown(*pair) == ("DPM2 a", "Karras")
    assert sampler_names.shown_together(*pair) == "DPM2 a Karras"
    stored = (NoiseScheduler.DPMPP_2M_KARRAS, SigmaSchedule.UNIFORM)
    assert sampler_names.shown(*stored) == ("DPM++ 2M", "Karras")
    assert sampler_names.shown_together(*stored) == "DPM++ 2M Karras"
    assert sampler_names.shown_together(NoiseScheduler.LMS, SigmaSchedule.UNIFORM) == "LMS"
