"""A request is checked once, completely, where it is built."""

import json
import math
from typing import Any

import pytest

from generation.engine.catalogue import Mode
from generation.engine.request import GenerationRequest, InvalidRequest, Message, NoiseScheduler
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
        ("prompt", "a" * 2_001),
        ("negative_prompt", "a\0b"),
        ("negative_prompt", "a" * 2_001),
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
        ("height", 72),
    ],
)
def test_a_value_out_of_bounds_is_refused(field: str, value: Any) -> None:
    assert set(errors_of(**{field: value})) == {field}


def test_the_limits_themselves_are_accepted() -> None:
    a_request(prompt="a" * 2_000, num_inference_steps=150, guidance_scale=30, seed=2**32 - 1)
    a_request(num_inference_steps=1, guidance_scale=0, seed=0, num_images=4, width=16, height=64)


def test_a_message_can_be_translated() -> None:
    message = errors_of(width=33)["width"]

    assert isinstance(message, Message)
    assert message == "Choose a multiple of 8 from 16 to 64 pixels."
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


def test_seeds_count_up_and_wrap() -> None:
    request = a_request(seed=2**32 - 2, num_images=4)

    assert request.seeds == (2**32 - 2, 2**32 - 1, 0, 1)


@pytest.mark.parametrize(
    ("noise_scheduler", "steps", "evaluations"),
    [
        (NoiseScheduler.DDIM, 10, 10),
        (NoiseScheduler.HEUN, 10, 19),
        (NoiseScheduler.HEUN, 1, 1),
        (NoiseScheduler.PNDM, 10, 11),
        (NoiseScheduler.PNDM, 1, 1),
    ],
)
def test_evaluations_count_forward_passes(
    noise_scheduler: NoiseScheduler, steps: int, evaluations: int
) -> None:
    request = a_request(noise_scheduler=noise_scheduler, num_inference_steps=steps)

    assert request.evaluations == evaluations
