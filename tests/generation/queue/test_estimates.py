from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from generation.engine.charges import Charge
from generation.engine.checkpoints import catalogue
from generation.models import Speed
from generation.queue import estimates
from tests.generation.rows import make_request

pytestmark = pytest.mark.django_db


def run_of(request, *, ms_per_step_megapixel, overhead_ms=0):
    """The charges of a run on a device of this speed."""
    step_ms = ms_per_step_megapixel * request.rows * request.megapixels
    steps = range(1, request.evaluations + 1)
    return [
        Charge(phase="load", us=9_000_000, billed=False),
        Charge(phase="encode", us=round(overhead_ms * request.num_images * 1_000)),
        *(Charge(phase="step", index=step, us=round(step_ms * 1_000)) for step in steps),
    ]


def learn(request, *, device="GPU", **speed):
    estimates.learn(request, run_of(request, **speed), device=device)


def test_before_anything_was_measured_the_quote_is_the_catalogues():
    request = make_request(width=512, height=512, num_inference_steps=10)
    guess = catalogue.get("sketchbook").start_ms_per_step_megapixel

    quote = estimates.quote(request)

    denoising = guess * 10 * 2 * request.megapixels
    assert quote.likely_ms == pytest.approx(denoising + 100 * request.megapixels, abs=2)


def test_the_quote_for_a_run_that_was_measured_is_what_it_cost():
    request = make_request(num_inference_steps=30, num_images=2, width=128, height=96)
    charges = run_of(request, ms_per_step_megapixel=700, overhead_ms=40)

    estimates.learn(request, charges, device="GPU")

    billed_ms = sum(charge.us for charge in charges if charge.billed) / 1_000
    assert estimates.quote(request).likely_ms == pytest.approx(billed_ms, abs=2)


LONG = "a tin robot waters orchids, " * 1_000


def test_a_very_long_prompt_is_quoted_for_the_time_that_it_takes():
    learn(make_request(num_inference_steps=30), ms_per_step_megapixel=700)
    usual = make_request(num_inference_steps=30, prompt="a red house")

    quotes = [
        estimates.quote(make_request(num_inference_steps=30, prompt=LONG[:length])).likely_ms
        for length in (500, 4_000, 28_000)
    ]

    assert quotes[0] == estimates.quote(usual).likely_ms < quotes[1] < quotes[2]


@pytest.mark.parametrize("prompt", ["1234567890" * 100, "!" * 700, "水" * 250, "a BREAK " * 10])
def test_a_prompt_of_few_words_and_many_pieces_teaches_nothing(prompt):
    learn(make_request(prompt=prompt), ms_per_step_megapixel=9_000)

    assert not Speed.objects.exists()


CHANGING = "[" + "|".join("abcdefghijklmnop") + "]"


def test_a_prompt_of_many_versions_is_quoted_for_reading_them():
    learn(make_request(num_inference_steps=30), ms_per_step_megapixel=7_000, overhead_ms=40)
    parts = "a BREAK " * 8
    short, long = (make_request(num_inference_steps=30, prompt=each + "b") for each in ("", parts))
    changing = make_request(num_inference_steps=30, prompt=parts + CHANGING)

    quotes = [estimates.quote(each).likely_ms for each in (short, long, changing)]
    again = estimates.quote(replace(changing, num_images=4)).likely_ms

    read = estimates.BUNDLED_READING_SHARE * 7_000
    factors = [estimates.length_factor(each) for each in (long, changing)]
    step = 7_000 * short.evaluations * short.passes * short.megapixels
    assert quotes[1] == pytest.approx(step * factors[0] + 40, abs=2)
    assert quotes[2] == pytest.approx(step * factors[1] + 40 + read * (16 * 9 + 1 - 16), abs=2)
    assert again == pytest.approx(4 * (step * factors[1] + 40) + read * (16 * 9 + 1 - 16), abs=4)


def test_a_prompt_of_many_versions_teaches_nothing():
    learn(make_request(prompt=CHANGING, num_inference_steps=30), ms_per_step_megapixel=9_000)

    assert not Speed.objects.exists()


def test_a_very_long_prompt_does_not_make_others_dearer():
    learn(make_request(num_inference_steps=30), ms_per_step_megapixel=700)
    before = estimates.quote(make_request(num_inference_steps=30))

    learn(make_request(num_inference_steps=30, prompt=LONG), ms_per_step_megapixel=9_000)

    assert estimates.quote(make_request(num_inference_steps=30)) == before


def test_what_one_size_taught_holds_for_another():
    learn(make_request(num_inference_steps=30), ms_per_step_megapixel=700)
    larger = make_request(width=512, height=512, guidance_scale=0, num_inference_steps=10)

    quote = estimates.quote(larger)

    assert quote.likely_ms == pytest.approx(700 * 10 * larger.megapixels, abs=2)


def test_one_odd_run_among_many_hardly_moves_the_quote():
    for _ in range(estimates.MEMORY):
        learn(make_request(), ms_per_step_megapixel=100)

    learn(make_request(), ms_per_step_megapixel=300)

    assert Speed.objects.get().ms_per_step_megapixel == pytest.approx(110, abs=0.1)


def test_a_device_that_became_slower_is_believed_after_some_runs():
    for _ in range(100):
        learn(make_request(), ms_per_step_megapixel=100)

    for _ in range(3 * estimates.MEMORY):
        learn(make_request(), ms_per_step_megapixel=300)

    assert Speed.objects.get().ms_per_step_megapixel == pytest.approx(300, rel=0.05)


def test_the_quote_is_of_the_slowest_device_that_may_take_it():
    learn(make_request(), ms_per_step_megapixel=100_000, device="slow")
    alone = estimates.quote(make_request())

    learn(make_request(), ms_per_step_megapixel=100, device="fast")

    assert estimates.quote(make_request()) == alone


def test_a_device_that_has_been_silent_for_a_week_may_be_gone():
    learn(make_request(), ms_per_step_megapixel=100, device="fast")
    alone = estimates.quote(make_request())
    learn(make_request(), ms_per_step_megapixel=100_000, device="slow")
    assert estimates.quote(make_request()) != alone

    silent = timezone.now() - estimates.RECENT - timedelta(minutes=1)
    Speed.objects.filter(device="slow").update(updated_at=silent)

    assert estimates.quote(make_request()) == alone


def test_checkpoints_are_measured_apart():
    before = estimates.quote(make_request())

    learn(make_request(checkpoint="sd-1.5", width=512, height=512), ms_per_step_megapixel=9_000)

    assert estimates.quote(make_request()) == before


def test_a_checkpoint_is_known_on_the_devices_that_ran_it():
    other = make_request(checkpoint="sd-1.5", width=512, height=512)
    assert estimates.quote_on("GPU", make_request()) is None

    learn(make_request(), ms_per_step_megapixel=100)

    assert estimates.quote_on("GPU", make_request()) == estimates.quote(make_request())
    assert estimates.quote_on("another", make_request()) is None
    assert estimates.quote_on("GPU", other) is None


def test_a_quote_is_a_guess_until_its_checkpoint_was_measured():
    guess = estimates.quote(make_request())

    learn(make_request(), ms_per_step_megapixel=100)

    assert not guess.is_measured
    assert estimates.quote(make_request()).is_measured


def test_a_load_teaches_nothing():
    seen = estimates.measure(make_request(), run_of(make_request(), ms_per_step_megapixel=100))

    assert seen.ms_per_step_megapixel == pytest.approx(100, rel=0.01)
    assert seen.overhead_ms == 0


@pytest.mark.django_db(transaction=True)
def test_runs_that_end_at_once_are_all_learned_from():
    def learn_in_thread(_number):
        try:
            learn(make_request(), ms_per_step_megapixel=100)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(learn_in_thread, range(40)))

    assert Speed.objects.get().samples == 40


# Errors and rates -------------------------------------------------------------------------------


def test_the_typical_error_of_quotes_is_learned():
    request = make_request(num_inference_steps=10)
    charges = run_of(request, ms_per_step_megapixel=1_000)
    billed_ms = sum(charge.us for charge in charges if charge.billed) / 1_000

    for factor in (1.5, 0.5, 1.5, 0.5):
        quoted_ms = round(billed_ms * factor)
        estimates.learn(request, charges, device="GPU", quoted_ms=quoted_ms)

    assert Speed.objects.get().error == pytest.approx(0.5, abs=0.01)


def test_a_quote_that_was_right_makes_the_error_smaller():
    request = make_request(num_inference_steps=10)
    charges = run_of(request, ms_per_step_megapixel=1_000)
    billed_ms = round(sum(charge.us for charge in charges if charge.billed) / 1_000)
    estimates.learn(request, charges, device="GPU", quoted_ms=2 * billed_ms)

    estimates.learn(request, charges, device="GPU", quoted_ms=billed_ms)

    assert Speed.objects.get().error == pytest.approx(0.5, abs=0.01)


def test_a_run_that_was_not_quoted_teaches_nothing_about_quotes():
    learn(make_request(), ms_per_step_megapixel=100)
    Speed.objects.update(error=0.25)

    learn(make_request(), ms_per_step_megapixel=100)

    assert Speed.objects.get().error == 0.25


def test_a_checkpoints_rate_is_its_own_settings_on_the_slowest_device():
    for device, ms in (("fast", 100), ("slow", 1_000)):
        for _ in range(estimates.ENOUGH):
            learn(make_request(), ms_per_step_megapixel=ms, device=device)

    (rate,) = estimates.rates([catalogue.get("sketchbook"), catalogue.get("sd-1.5")])

    # 10 steps of 2 passes over 256 x 256 pixels.
    assert rate.checkpoint.id == "sketchbook"
    assert rate.ms_a_picture == pytest.approx(10 * 2 * 256 * 256 / 1_000, abs=1)
    assert rate.pictures_a_minute == 46


@pytest.mark.parametrize(("ms", "pictures"), [(7_000, 8.6), (6_000, 10), (100_000, 0.6)])
def test_slow_rates_are_told_to_a_tenth(ms, pictures):
    rate = estimates.Throughput(checkpoint=catalogue.get("sketchbook"), ms_a_picture=ms)

    assert rate.pictures_a_minute == pictures


def test_few_runs_make_no_rate():
    for _ in range(estimates.ENOUGH - 1):
        learn(make_request(), ms_per_step_megapixel=100)

    assert estimates.rates([catalogue.get("sketchbook")]) == []
