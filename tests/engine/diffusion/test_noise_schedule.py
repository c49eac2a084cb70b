"""A run's noise schedule keeps to its range, and its predictions undo its noise."""

from typing import Any

import diffusers
import pytest
import torch

from generation.engine.diffusion import noise_schedule
from generation.engine.diffusion.noise_schedule import NoiseSchedule, ScheduleRange
from generation.engine.enums import FLOW_SCHEDULERS, Family, NoiseScheduler, SigmaSchedule

FLOW = {"_class_name": "FlowMatchEulerDiscreteScheduler"}
DDIM = NoiseScheduler.DDIM


def a_schedule(
    name: NoiseScheduler = DDIM,
    *,
    steps: int = 10,
    config: dict[str, object] | None = None,
    **options,
) -> NoiseSchedule:
    return NoiseSchedule(name, config=config or {}, steps=steps, **options)


def some_latents(seed: int) -> torch.Tensor:
    return torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", FLOW_SCHEDULERS)
def test_flow_matching_has_solvers_of_its_own(name: NoiseScheduler) -> None:
    flow, other = (type(noise_schedule.build(name, config=config)) for config in (FLOW, {}))

    assert flow.__name__.startswith("FlowMatch")
    assert not other.__name__.startswith("FlowMatch")


def test_every_run_has_an_instance_of_its_own() -> None:
    one, other = (noise_schedule.build(DDIM, config={}) for _ in range(2))

    assert one is not other


@pytest.mark.parametrize("name", NoiseScheduler)
@pytest.mark.parametrize("begin", [0, 3])
def test_steps_left_out_at_the_start_are_the_noisiest(name: NoiseScheduler, begin: int) -> None:
    whole = a_schedule(name)

    rest = a_schedule(name, schedule_range=ScheduleRange(begin=begin))

    skipped = len(whole.timesteps) - len(rest.timesteps)
    assert torch.equal(rest.timesteps, whole.timesteps[skipped:])
    assert skipped == begin * noise_schedule.build(name, config={}).order


@pytest.mark.parametrize("cutoff", [1, 350, 999])
def test_base_and_refiner_divide_the_schedule(cutoff: int) -> None:
    whole = a_schedule().timesteps.tolist()

    base = a_schedule(schedule_range=ScheduleRange(until=cutoff)).timesteps.tolist()
    refiner = a_schedule(schedule_range=ScheduleRange(below=cutoff)).timesteps.tolist()

    assert base + refiner == whole
    assert all(timestep >= cutoff for timestep in base)
    assert all(timestep < cutoff for timestep in refiner)


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("step", [1, 5, 9])
def test_the_right_prediction_gives_the_clean_latents(prediction_type: str, step: int) -> None:
    schedule = a_schedule(config={"prediction_type": prediction_type})
    clean, noise = some_latents(1), some_latents(2)
    noisy = schedule.add_noise(clean, noise, step=step)
    alpha_squared = schedule._scheduler.alphas_cumprod[int(schedule.timesteps[step])]
    velocity = alpha_squared.sqrt() * noise - (1 - alpha_squared).sqrt() * clean
    prediction = noise if prediction_type == "epsilon" else velocity

    found = schedule.predicted_clean(noisy, prediction, step=step)

    assert torch.allclose(found, clean, atol=1e-4)


@pytest.mark.parametrize("step", [0, 4, 9])
def test_a_flows_right_prediction_gives_the_clean_latents(step: int) -> None:
    schedule = a_schedule(NoiseScheduler.EULER, config=FLOW)
    clean, noise = some_latents(1), some_latents(2)
    noisy = schedule.add_noise(clean, noise, step=step)

    found = schedule.predicted_clean(noisy, noise - clean, step=step)

    assert torch.allclose(found, clean, atol=1e-4)


def test_right_predictions_lead_to_the_clean_latents() -> None:
    schedule = a_schedule(NoiseScheduler.EULER, config=FLOW)
    clean, noise = some_latents(1), some_latents(2)
    latents = schedule.add_noise(clean, noise, step=0)

    for step in range(len(schedule.timesteps)):
        latents = schedule.advance(noise - clean, step=step, latents=latents, generators=[])

    assert torch.allclose(latents, clean, atol=1e-4)


def test_each_images_noise_comes_from_its_own_generator() -> None:
    def advance(*seeds: int) -> torch.Tensor:
        latents = some_latents(0).expand(len(seeds), -1, -1, -1)
        return a_schedule(NoiseScheduler.DDPM).advance(
            torch.zeros_like(latents),
            step=0,
            latents=latents,
            generators=[torch.Generator().manual_seed(seed) for seed in seeds],
        )

    together = advance(1, 2)

    assert torch.equal(together[:1], advance(1)) and torch.equal(together[1:], advance(2))
    assert not torch.equal(together[0], together[1])


def test_a_flows_input_is_not_scaled_and_eulers_is() -> None:
    latents = some_latents(0)

    assert a_schedule(NoiseScheduler.EULER, config=FLOW).scale(latents, step=0) is latents
    scaled = a_schedule(NoiseScheduler.EULER).scale(latents, step=0)
    assert scaled.abs().max() < 0.2 * latents.abs().max()


def test_larger_images_shift_a_flow_towards_noise_if_its_configuration_asks() -> None:
    dynamic = {**FLOW, "use_dynamic_shifting": True}

    small, large = (
        a_schedule(NoiseScheduler.EULER, config=dynamic, mu=mu).timesteps for mu in (0.5, 1.15)
    )

    assert (large >= small).all() and (large[1:-1] > small[1:-1]).all()


@pytest.mark.parametrize("name", NoiseScheduler)
def test_a_name_means_the_same_whatever_sampler_the_configuration_is_from(
    name: NoiseScheduler,
) -> None:
    trained = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    sampler = {
        "_class_name": "DPMSolverMultistepScheduler",
        "use_karras_sigmas": True,
        "algorithm_type": "sde-dpmsolver++",
        "solver_order": 3,
    }

    plain, other = (a_schedule(name, config=each) for each in (trained, trained | sampler))

    assert torch.equal(plain.timesteps, other.timesteps)
    latents, prediction = some_latents(1), some_latents(2)
    for each in (plain, other):
        each.scale(latents, step=0)
    after = [
        each.advance(
            prediction, step=0, latents=latents, generators=[torch.Generator().manual_seed(1)]
        )
        for each in (plain, other)
    ]
    assert torch.equal(*after)


CLASSES = {
    NoiseScheduler.DDIM: "DDIMScheduler",
    NoiseScheduler.DDPM: "DDPMScheduler",
    NoiseScheduler.EULER: "EulerDiscreteScheduler",
    NoiseScheduler.EULER_ANCESTRAL: "EulerAncestralDiscreteScheduler",
    NoiseScheduler.DPMPP_2M: "DPMSolverMultistepScheduler",
    NoiseScheduler.DPMPP_2M_SDE: "DPMSolverMultistepScheduler",
    NoiseScheduler.DPMPP_2M_SDE_HEUN: "DPMSolverMultistepScheduler",
    NoiseScheduler.DPMPP_SDE: "DPMSolverSDEScheduler",
    NoiseScheduler.DPM2: "KDPM2DiscreteScheduler",
    NoiseScheduler.DPM2_ANCESTRAL: "KDPM2AncestralDiscreteScheduler",
    NoiseScheduler.UNIPC: "UniPCMultistepScheduler",
    NoiseScheduler.HEUN: "HeunDiscreteScheduler",
    NoiseScheduler.LMS: "LMSDiscreteScheduler",
    NoiseScheduler.PNDM: "PNDMScheduler",
}
OPTIONS: dict[SigmaSchedule, dict[str, Any]] = {
    SigmaSchedule.KARRAS: {"use_karras_sigmas": True},
    SigmaSchedule.EXPONENTIAL: {"use_exponential_sigmas": True},
    SigmaSchedule.BETA: {"use_beta_sigmas": True},
    SigmaSchedule.SGM_UNIFORM: {"timestep_spacing": "trailing"},
}
CONFIG = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "steps_offset": 1,
    "timestep_spacing": "leading",
}


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        (name, schedule)
        for name in CLASSES
        for schedule in name.sigma_schedules(Family.SD1)
        if schedule in OPTIONS
    ],
)
def test_sigmas_are_those_of_diffusers_own_option(
    name: NoiseScheduler, schedule: SigmaSchedule
) -> None:
    own = getattr(diffusers, CLASSES[name]).from_config({**CONFIG, **OPTIONS[schedule]})
    own.set_timesteps(8)

    ours = noise_schedule.build(name, config=CONFIG, sigma_schedule=schedule)
    ours.set_timesteps(8)
    plain = noise_schedule.build(name, config=CONFIG)
    plain.set_timesteps(8)

    # PNDM's own start with Runge-Kutta steps is left out here.
    if name is not NoiseScheduler.PNDM:
        assert ours.timesteps.tolist() == own.timesteps.tolist()
    assert ours.timesteps.tolist() != plain.timesteps.tolist()
    if hasattr(own, "sigmas"):
        assert torch.equal(ours.sigmas, own.sigmas)


@pytest.mark.parametrize(
    "option", ["use_karras_sigmas", "use_exponential_sigmas", "use_lu_lambdas"]
)
def test_a_name_means_the_same_whatever_sigmas_a_configuration_asks_for(option: str) -> None:
    plain = a_schedule(NoiseScheduler.DPMPP_2M, config=CONFIG)

    other = a_schedule(NoiseScheduler.DPMPP_2M, config={**CONFIG, option: True})
    karras = a_schedule(NoiseScheduler.DPMPP_2M_KARRAS, config={**CONFIG, option: True})

    assert other.timesteps.tolist() == plain.timesteps.tolist()
    assert karras.timesteps.tolist() != plain.timesteps.tolist()


def test_a_name_means_the_same_whatever_solver_a_configuration_is_of() -> None:
    config = {**CONFIG, "algorithm_type": "sde-dpmsolver++", "solver_order": 3}

    built = noise_schedule.build(NoiseScheduler.DPMPP_2M, config=config).config

    assert (built.algorithm_type, built.solver_order) == ("dpmsolver++", 2)


def test_karras_has_a_name_of_its_own_with_dpmpp_2m() -> None:
    named = a_schedule(NoiseScheduler.DPMPP_2M_KARRAS, config=CONFIG)
    chosen = a_schedule(NoiseScheduler.DPMPP_2M, config=CONFIG, sigma_schedule=SigmaSchedule.KARRAS)

    assert named.timesteps.tolist() == chosen.timesteps.tolist()


def test_brownian_noise_is_the_images_own() -> None:
    def run(seeds: list[int]) -> torch.Tensor:
        schedule = a_schedule(NoiseScheduler.DPMPP_SDE, config=CONFIG, steps=3)
        latents = torch.ones(len(seeds), 4, 4, 4)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        for step in range(len(schedule.timesteps)):
            prediction = 0.1 * schedule.scale(latents, step=step)
            latents = schedule.advance(
                prediction, step=step, latents=latents, generators=generators
            )
        return latents

    together = run([5, 6])

    assert torch.equal(together[:1], run([5]))
    assert torch.equal(together[1:], run([6]))
    assert not torch.equal(together[:1], together[1:])
