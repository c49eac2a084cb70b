"""The promises of the price list."""

from dataclasses import replace

import pytest

from generation.engine.checkpoints import catalogue
from generation.engine.enums import NoiseScheduler, SigmaSchedule
from generation.jobs import admission
from generation.options import on_offer
from tests.generation.rows import make_request


@pytest.mark.parametrize(("steps", "credits"), [(15, 1_000), (30, 2_000), (60, 4_000)])
def test_an_sdxl_picture_in_thirty_steps_costs_two_credits(steps, credits):
    request = make_request(
        checkpoint="sdxl-1.0",
        width=1024,
        height=1024,
        num_inference_steps=steps,
        noise_scheduler=NoiseScheduler.EULER,
    )

    assert admission.credits(request) == credits


@pytest.mark.parametrize(
    "scheduler",
    [
        NoiseScheduler.HEUN,
        NoiseScheduler.DPMPP_SDE,
        NoiseScheduler.DPM2,
        NoiseScheduler.DPM2_ANCESTRAL,
    ],
)
def test_two_evaluations_a_step_cost_twice_the_credits(scheduler):
    once = make_request(checkpoint="sd-1.5", width=512, height=512, num_inference_steps=30)

    twice = replace(once, noise_scheduler=scheduler, sigma_schedule=SigmaSchedule.UNIFORM)

    assert admission.credits(twice) == 2 * admission.credits(once)


@pytest.mark.django_db
@pytest.mark.parametrize("scheduler", [NoiseScheduler.EULER, NoiseScheduler.HEUN])
def test_the_models_page_has_the_price_of_the_usual_picture(scheduler):
    own = replace(catalogue.get("sd-1.5"), noise_scheduler=scheduler, sigma_schedule="uniform")
    usual = make_request(
        checkpoint="sd-1.5",
        width=own.native_size,
        height=own.native_size,
        num_inference_steps=own.num_inference_steps,
        noise_scheduler=scheduler,
        sigma_schedule=SigmaSchedule.UNIFORM,
    )

    assert on_offer.model(own).credits == admission.credits(usual) / 1_000
