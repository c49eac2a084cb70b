"""The constructor of a request validates it completely."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from generation.engine.diffusion.noise_schedule import NoiseSchedule, ScheduleRange
from generation.engine.enums import Mode, NoiseScheduler, SigmaSchedule
from generation.engine.messages import Message
from generation.engine.request import MAX_DRAFTS, GenerationRequest, InvalidRequest
from tests.engine.cases import digest
from tests.engine.driving import a_request


def errors_of(**changes: Any) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as raised:
        a_request(**changes)
    return raised.value.errors


def test_a_valid_request_survives_json() -> None:
    request = a_request(negative_prompt="fog", num_images=3, guidance_scale=7.5)

    data = json.loads(json.dumps(request.to_dict()))

    assert GenerationRequest.from_dict(data) == request


def test_all_errors_are_reported_at_once() -> None:
    errors = errors_of(prompt=" ", width=33, height=4096, seed=-1, num_inference_steps=0)

    assert set(errors) == {"prompt", "width", "height", "seed", "num_inference_steps"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", ""),
        ("prompt", "\n\t "),
        ("prompt", "a\0b"),
        ("prompt", "a\ud800b"),
        ("prompt", "a" * 32_001),
        ("negative_prompt", "a\0b"),
        ("negative_prompt", "a" * 32_001),
        ("num_inference_steps", 151),
        ("guidance_scale", -0.1),
        ("guidance_scale", 30.1),
        ("guidance_scale", math.nan),
        ("guidance_scale", math.inf),
        ("seed", 2**32),
        ("num_images", 0),
        ("num_images", 5),
        ("checkpoint", "nobody's"),
        ("width", 0),
        ("width", -8),
        ("height", 136),
    ],
)
def test_a_value_out_of_bounds_is_refused(field: str, value: Any) -> None:
    assert set(errors_of(**{field: value})) == {field}


@pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
@pytest.mark.parametrize("tag", ["<lora:ink:0.8>", "<lyco:a b:1>", "<hypernet:x>", "<LORA:x:1:2>"])
def test_a_tag_of_a_network_is_refused_by_name(field: str, tag: str) -> None:
    assert tag in errors_of(**{field: f"a cat, {tag}"})[field]


def test_other_angle_brackets_are_words_and_stored_requests_keep_their_tags() -> None:
    plain = a_request(prompt="a <b> cat <3 lora:ink <lora:>")
    made = {**plain.to_dict(), "prompt": "a cat <lora:ink:0.8>"}

    assert GenerationRequest.stored(made).prompt == "a cat <lora:ink:0.8>"


def test_the_limits_themselves_are_accepted() -> None:
    a_request(prompt="a" * 32_000, num_inference_steps=150, guidance_scale=30, seed=2**32 - 1)
    a_request(num_inference_steps=1, guidance_scale=0, seed=0, num_images=4, width=16, height=64)


def test_a_message_can_be_translated() -> None:
    message = errors_of(width=33)["width"]

    assert isinstance(message, Message)
    assert message == "Use 32 pixels: sides are multiples of 8, from 16 to 128."
    assert message.msgid % message.params == message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", 3),
        ("width", "32"),
        ("width", True),
        ("seed", 1.5),
        ("guidance_scale", "7"),
        ("guidance_scale", None),
        ("noise_scheduler", "plms"),
        ("mode", "video"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidRequest) as raised:
        GenerationRequest.from_dict(a_request().to_dict() | {field: value})

    assert set(raised.value.errors) == {field}


def test_unknown_and_missing_settings_are_refused_together() -> None:
    data = a_request().to_dict() | {"lora": "x"}
    del data["seed"]

    with pytest.raises(InvalidRequest) as raised:
        GenerationRequest.from_dict(data)

    assert set(raised.value.errors) == {"lora", "seed"}


def test_settings_with_a_default_may_be_missing() -> None:
    data = a_request().to_dict()
    for name in ("negative_prompt", "mode", "num_images"):
        del data[name]

    request = GenerationRequest.from_dict(data)

    assert (request.negative_prompt, request.mode, request.num_images) == (
        "",
        Mode.TEXT_TO_IMAGE,
        1,
    )


@pytest.mark.parametrize(("guidance_scale", "passes"), [(0, 1), (1, 1), (1.01, 2), (7.5, 2)])
def test_guidance_doubles_the_passes(guidance_scale: float, passes: int) -> None:
    request = a_request(guidance_scale=guidance_scale, num_images=3)

    assert request.passes == passes
    assert request.rows == 3 * passes
    assert request.work == 3 * passes * 32 * 32


def test_a_denoiser_that_reads_its_guidance_takes_one_pass() -> None:
    request = a_request(checkpoint="toy-lcm", guidance_scale=8.0, num_images=3)

    assert (request.passes, request.rows, request.work) == (1, 3, 3 * 32 * 32)


def test_a_stored_request_without_a_sigma_schedule_has_the_noise_schedulers_own() -> None:
    stored = a_request(noise_scheduler=NoiseScheduler.DPMPP_2M_KARRAS).to_dict()
    del stored["sigma_schedule"]

    assert GenerationRequest.stored(stored).sigma_schedule is SigmaSchedule.UNIFORM
    assert GenerationRequest.from_dict(stored).sigma_schedule is SigmaSchedule.UNIFORM


def test_seeds_count_up_and_wrap() -> None:
    request = a_request(seed=2**32 - 2, num_images=4)

    assert request.seeds == (2**32 - 2, 2**32 - 1, 0, 1)


@pytest.mark.parametrize(
    ("noise_scheduler", "steps", "evaluations"),
    [
        (NoiseScheduler.DDIM, 10, 10),
        (NoiseScheduler.HEUN, 10, 19),
        (NoiseScheduler.HEUN, 1, 1),
        (NoiseScheduler.DPM2, 10, 19),
        (NoiseScheduler.DPM2_ANCESTRAL, 1, 1),
        (NoiseScheduler.DPMPP_SDE, 10, 19),
        (NoiseScheduler.DPMPP_2M_SDE_HEUN, 10, 10),
        (NoiseScheduler.LCM, 4, 4),
        (NoiseScheduler.PNDM, 10, 11),
        (NoiseScheduler.PNDM, 1, 1),
    ],
)
def test_evaluations_count_forward_passes(
    noise_scheduler: NoiseScheduler, steps: int, evaluations: int
) -> None:
    request = a_request(noise_scheduler=noise_scheduler, num_inference_steps=steps)

    assert request.evaluations == evaluations


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"mode": Mode.IMAGE_TO_IMAGE}, "image"),
        ({"mode": Mode.INPAINT, "image": digest("image")}, "mask"),
        ({"mode": Mode.IMAGE_TO_IMAGE, "image": "../../etc/passwd"}, "image"),
        ({"mode": Mode.IMAGE_TO_IMAGE, "image": digest("image"), "strength": 1.01}, "strength"),
        ({"mode": Mode.IMAGE_TO_IMAGE, "image": digest("image"), "strength": 0.2}, "strength"),
        ({"mode": Mode.OUTPAINT, "image": digest("image")}, "padding"),
        ({"mode": Mode.OUTPAINT, "image": digest("image"), "padding": (0, 0, -8, 0)}, "padding"),
        (
            {
                "mode": Mode.OUTPAINT,
                "image": digest("image"),
                "width": 80,
                "padding": (40, 0, 32, 0),
            },
            "padding",
        ),
        ({"noise_level": 351}, "noise_level"),
        ({"refiner_share": 0.2}, "refiner_share"),
        ({"checkpoint": "toy-xl", "refiner_share": 0.6}, "refiner_share"),
        ({"checkpoint": "toy-sd3", "noise_scheduler": NoiseScheduler.UNIPC}, "noise_scheduler"),
        ({"checkpoint": "toy-depth"}, "mode"),
        (
            {
                "noise_scheduler": NoiseScheduler.EULER_ANCESTRAL,
                "sigma_schedule": SigmaSchedule.KARRAS,
            },
            "sigma_schedule",
        ),
        (
            {
                "noise_scheduler": NoiseScheduler.DPMPP_2M_KARRAS,
                "sigma_schedule": SigmaSchedule.BETA,
            },
            "sigma_schedule",
        ),
        (
            {
                "checkpoint": "toy-sd3",
                "noise_scheduler": NoiseScheduler.HEUN,
                "sigma_schedule": SigmaSchedule.KARRAS,
            },
            "sigma_schedule",
        ),
        ({"noise_scheduler": NoiseScheduler.LCM, "num_inference_steps": 51}, "num_inference_steps"),
        ({"noise_scheduler": NoiseScheduler.TCD, "num_inference_steps": 51}, "num_inference_steps"),
        (
            {
                "mode": Mode.IMAGE_TO_IMAGE,
                "image": digest("image"),
                "strength": 0.5,
                "noise_scheduler": NoiseScheduler.LMS,
            },
            "noise_scheduler",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(values: dict[str, Any], field: str) -> None:
    assert set(errors_of(**values)) == {field}


HUGE_WEIGHTS = [
    "(house:10.1)",
    "(house:-11)",
    f"(house:1{'0' * 60})",
    f"(house:{'9' * 400})",
    f"((house:{'9' * 400}):0)",
    "((house:4):4)",
    "(" * 1_000 + "house" + ")" * 999,
]


@pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
@pytest.mark.parametrize("prompt", HUGE_WEIGHTS)
def test_weights_that_no_model_survives_are_refused(prompt: str, field: str) -> None:
    assert set(errors_of(**{field: prompt})) == {field}


@pytest.mark.parametrize(
    "prompt", ["(house:10)", "(house:-1)", "(house:0)", "(" * 24 + "house", "[" * 1_000 + "house"]
)
def test_weights_that_a_model_survives_are_taken(prompt: str) -> None:
    a_request(prompt=prompt)


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5])
@pytest.mark.parametrize("noise_scheduler", [each for each in NoiseScheduler if each.hands_over])
def test_a_request_with_a_refiner_has_steps_for_both_models(
    noise_scheduler: NoiseScheduler, share: float
) -> None:
    wish = {"checkpoint": "toy-xl", "refiner_share": share, "noise_scheduler": noise_scheduler}
    least = round(1 / share) + 2

    request = a_request(**wish, num_inference_steps=least)

    cutoff = round(1_000 * request.refiner_share)
    for part in (ScheduleRange(until=cutoff), ScheduleRange(below=cutoff)):
        schedule = NoiseSchedule(noise_scheduler, config={}, steps=least, schedule_range=part)
        assert len(schedule.timesteps) > 0
    assert set(errors_of(**wish, num_inference_steps=least - 1)) == {"num_inference_steps"}


@pytest.mark.parametrize(
    "noise_scheduler", [each for each in NoiseScheduler if not each.hands_over]
)
def test_some_noise_schedulers_cannot_hand_over_to_a_refiner(
    noise_scheduler: NoiseScheduler,
) -> None:
    errors = errors_of(
        checkpoint="toy-xl",
        refiner_share=0.2,
        num_inference_steps=12,
        noise_scheduler=noise_scheduler,
    )

    assert set(errors) == {"noise_scheduler"}


def test_a_picture_may_speak_for_itself() -> None:
    a_request(mode=Mode.IMAGE_TO_IMAGE, image=digest("image"), prompt="", strength=0.5)


def test_padding_survives_json() -> None:
    request = a_request(
        mode=Mode.OUTPAINT,
        image=digest("image"),
        width=80,
        height=64,
        padding=(8, 0, 8, 0),
        exact=True,
    )

    data = json.loads(json.dumps(request.to_dict()))

    assert GenerationRequest.from_dict(data) == request


@pytest.mark.parametrize("padding", [[1, 2, 3], "1234", 5, [1, 2, 3, 4.5]])
def test_padding_of_another_kind_is_refused(padding: Any) -> None:
    data = {**a_request().to_dict(), "padding": padding}

    with pytest.raises(InvalidRequest) as refused:
        GenerationRequest.from_dict(data)

    assert set(refused.value.errors) == {"padding"}


@pytest.mark.parametrize("strength", [0.3, 0.55, 0.7, 1.0])
@pytest.mark.parametrize("steps", [4, 7, 10, 30])
@pytest.mark.parametrize(
    "noise_scheduler", [each for each in NoiseScheduler if each is not NoiseScheduler.LMS]
)
def test_evaluations_are_counted_as_the_schedule_does(
    noise_scheduler: NoiseScheduler, steps: int, strength: float
) -> None:
    request = a_request(
        mode=Mode.IMAGE_TO_IMAGE,
        image=digest("image"),
        strength=strength,
        num_inference_steps=steps,
        noise_scheduler=noise_scheduler,
    )

    schedule = NoiseSchedule(
        noise_scheduler,
        config={},
        steps=steps,
        schedule_range=ScheduleRange(begin=request.first_step),
    )

    assert request.evaluations == len(schedule.timesteps)


def test_a_large_enlargement_counts_its_tiles() -> None:
    small = a_request(
        checkpoint="sd-x4-upscaler", mode=Mode.UPSCALE, image=digest("image"), width=512, height=512
    )
    large = replace(small, width=2048, height=2048)

    assert small.rows == 2
    assert large.rows == 2 * 5 * 5


@pytest.mark.parametrize(
    ("checkpoint", "width", "height"),
    [("sd-1.5", 600, 800), ("sdxl-1.0", 1080, 1080), ("sdxl-1.0", 1792, 1024), ("sd-3", 1072, 784)],
)
def test_sizes_need_not_be_multiples_of_64(checkpoint: str, width: int, height: int) -> None:
    a_request(checkpoint=checkpoint, width=width, height=height, noise_scheduler="euler")


@pytest.mark.parametrize(
    ("checkpoint", "side", "nearest"),
    [("sd-1.5", 603, 600), ("sd-1.5", 2000, 1024), ("sd-3", 1080, 1088), ("sd-3", 1, 512)],
)
def test_another_size_is_refused_with_the_nearest(checkpoint: str, side: int, nearest: int) -> None:
    errors = errors_of(checkpoint=checkpoint, width=side, height=768, noise_scheduler="euler")

    assert set(errors) == {"width"}
    assert errors["width"].startswith(f"Use {nearest} pixels")


SHA256 = "a" * 64


def test_steps_are_counted_over_the_whole_schedule() -> None:
    whole = a_request(num_inference_steps=10, noise_scheduler=NoiseScheduler.HEUN)
    branch = replace(whole, origin=SHA256, origin_step=5)
    draft = replace(whole, num_images=MAX_DRAFTS, draft_steps=7)

    counts = [
        (each.evaluations_in_full, each.evaluations, each.own_evaluations)
        for each in (whole, branch, draft)
    ]
    assert counts == [(19, 19, 19), (19, 19, 14), (19, 7, 7)]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"origin": "A" * 64, "origin_step": 2}, "origin"),
        ({"origin": "../state", "origin_step": 2}, "origin"),
        ({"origin": SHA256}, "origin_step"),
        ({"origin_step": 2}, "origin"),
        ({"origin": SHA256, "origin_step": -1}, "origin_step"),
        ({"origin": SHA256, "origin_step": 4}, "origin_step"),
        ({"origin": SHA256, "origin_step": 2, "num_images": 2}, "num_images"),
        ({"origin": SHA256, "origin_step": 2, "draft_steps": 3}, "draft_steps"),
        ({"draft_steps": -1}, "draft_steps"),
        ({"draft_steps": 4}, "num_inference_steps"),
        ({"draft_steps": 1, "num_inference_steps": 1}, "num_inference_steps"),
        ({"draft_steps": 2, "num_images": MAX_DRAFTS + 1}, "num_images"),
        ({"num_images": MAX_DRAFTS}, "num_images"),
    ],
)
def test_a_course_without_its_steps_is_refused(values: dict[str, Any], field: str) -> None:
    assert set(errors_of(**values)) == {field}


def test_the_first_and_the_last_step_of_a_course_are_accepted() -> None:
    for step in (1, 3):
        a_request(origin=SHA256, origin_step=step)
        a_request(draft_steps=step, num_images=MAX_DRAFTS)


def test_an_image_of_a_draft_goes_on_with_its_own_seed() -> None:
    draft = a_request(draft_steps=2, num_images=MAX_DRAFTS)

    chosen = replace(draft.alone(5), draft_steps=0, origin=SHA256, origin_step=2)

    assert (chosen.seed, chosen.num_images, chosen.own_evaluations) == (draft.seeds[5], 1, 2)
    assert GenerationRequest.from_dict(json.loads(json.dumps(chosen.to_dict()))) == chosen
    assert GenerationRequest.stored(chosen.to_dict()) == chosen


def test_the_release_before_reads_requests_without_branches_and_drafts() -> None:
    stored = a_request().to_dict()

    assert not {"origin", "origin_step", "draft_steps"} & stored.keys()
    assert GenerationRequest.stored(stored) == GenerationRequest.from_dict(stored) == a_request()
