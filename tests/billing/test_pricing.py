from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import pricing


def quote(**changes: float) -> pricing.Quote:
    work = {
        "pixels": 1_000_000,
        "steps": 20,
        "passes": 2,
        "num_images": 1,
        "ms_per_step_megapixel": 50.0,
        "overhead_ms": 500,
    }
    return pricing.quote(**{**work, **changes})  # type: ignore[arg-type]


def test_a_quote_is_the_steps_and_the_overhead() -> None:
    assert quote().likely_ms == 20 * 2 * 50 + 500


def test_the_ceiling_is_half_as_much_again() -> None:
    assert quote().ceiling_ms == 3_750


def test_a_short_job_has_the_least_ceiling() -> None:
    assert quote(steps=1, overhead_ms=0) == pricing.Quote(likely_ms=100, ceiling_ms=1_000)


@given(
    pixels=st.integers(64 * 64, 4096 * 4096),
    steps=st.integers(1, 150),
    passes=st.integers(1, 2),
    num_images=st.integers(1, 4),
    ms_per_step_megapixel=st.floats(0, 100_000),
    overhead_ms=st.integers(0, 60_000),
)
def test_every_quote_can_be_held(**work: float) -> None:
    quoted = quote(**work)

    assert isinstance(quoted.likely_ms, int)
    assert isinstance(quoted.ceiling_ms, int)
    assert quoted.likely_ms >= 1
    assert quoted.ceiling_ms >= max(quoted.likely_ms * 1.5, 1_000)


@pytest.mark.parametrize("more", ["pixels", "steps", "passes", "num_images", "overhead_ms"])
def test_more_of_anything_costs_more(more: str) -> None:
    assert quote(**{more: 3_000_000}).likely_ms > quote().likely_ms


def test_a_millisecond_that_was_only_begun_is_free() -> None:
    assert [pricing.capture_ms(us) for us in (0, 999, 1_000, 1_999)] == [0, 0, 1, 1]


def test_credits_follow_pixels_steps_and_pictures() -> None:
    native = 1024 * 1024
    prices = {
        (size, steps, num_images): pricing.credits(
            per_picture=2_000,
            native_pixels=native,
            pixels=size * size,
            steps=steps,
            num_images=num_images,
        )
        for size, steps, num_images in product((512, 1024), (30, 60), (1, 2))
    }

    assert prices[1024, 30, 1] == 2_000
    assert prices[1024, 60, 1] == 4_000
    assert prices[512, 30, 1] == 500
    assert prices[512, 60, 2] == 2_000


def test_credits_are_rounded_up() -> None:
    assert (
        pricing.credits(per_picture=1, native_pixels=512 * 512, pixels=64, steps=1, num_images=1)
        == 1
    )
