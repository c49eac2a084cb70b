"""The promises of the price list."""

import pytest

from generation.engine.enums import NoiseScheduler
from generation.jobs import admission
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
