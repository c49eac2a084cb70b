from dataclasses import replace

import pytest
from django.utils.translation import override

from billing.plans import PLANS
from generation.engine.checkpoints import catalogue
from generation.engine.enums import Mode, NoiseScheduler, SigmaSchedule
from generation.models import Upload
from generation.options.build_request import DEFAULT_STRENGTH, values_of
from generation.options.sizes import AS_PICTURE, CUSTOM, size_for
from generation.studio.forms import GenerationForm
from tests.engine.cases import digest
from tests.generation.installed import damage, put, put_own

SKETCHBOOK = catalogue.get("sketchbook")
FILLED = {"prompt": "a red house", "checkpoint": "sketchbook", "shape": "square"}


def test_a_prompt_is_enough_and_the_checkpoint_says_the_rest():
    form = GenerationForm(FILLED)

    assert form.is_valid()
    request = form.generation_request
    assert (request.width, request.height) == (SKETCHBOOK.native_size, SKETCHBOOK.native_size)
    assert request.num_inference_steps == SKETCHBOOK.num_inference_steps
    assert request.guidance_scale == SKETCHBOOK.guidance_scale
    assert request.noise_scheduler == SKETCHBOOK.noise_scheduler


def test_without_a_seed_each_request_draws_its_own():
    seeds = set()
    for _ in range(3):
        form = GenerationForm(FILLED)
        assert form.is_valid()
        seeds.add(form.generation_request.seed)

    assert len(seeds) == 3


def test_zero_is_a_seed_and_a_guidance_scale():
    form = GenerationForm({**FILLED, "seed": "0", "guidance_scale": "0"})

    assert form.is_valid()
    assert form.generation_request.seed == 0
    assert form.generation_request.guidance_scale == 0


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, ("ddim", "sgm_uniform")),
        ({"noise_scheduler": "heun"}, ("heun", "uniform")),
        ({"noise_scheduler": "heun", "sigma_schedule": "beta"}, ("heun", "beta")),
        ({"sigma_schedule": "uniform"}, ("ddim", "uniform")),
    ],
)
def test_a_checkpoints_sigmas_go_with_its_own_noise_scheduler(monkeypatch, chosen, expected):
    own = replace(SKETCHBOOK, noise_scheduler="ddim", sigma_schedule="sgm_uniform")
    monkeypatch.setattr(catalogue, "CHECKPOINTS", {**catalogue.CHECKPOINTS, "sketchbook": own})

    form = GenerationForm({**FILLED, **chosen})

    assert form.is_valid(), form.errors
    request = form.generation_request
    assert (request.noise_scheduler, request.sigma_schedule) == expected


def test_a_pair_that_does_not_go_together_is_said_beside_the_sigmas():
    form = GenerationForm(
        {**FILLED, "noise_scheduler": "euler_ancestral", "sigma_schedule": "karras"}
    )

    assert set(form.errors) == {"sigma_schedule"}


def test_what_is_filled_in_is_asked_for():
    form = GenerationForm(
        {
            **FILLED,
            "negative_prompt": "rain",
            "shape": CUSTOM,
            "width": "192",
            "height": "64",
            "num_inference_steps": "7",
            "guidance_scale": "2.5",
            "noise_scheduler": "heun",
            "sigma_schedule": "karras",
            "seed": "42",
        }
    )

    assert form.is_valid()
    request = form.generation_request
    assert request.negative_prompt == "rain"
    assert (request.width, request.height) == (192, 64)
    assert request.num_inference_steps == 7
    assert request.guidance_scale == 2.5
    assert request.noise_scheduler is NoiseScheduler.HEUN
    assert request.sigma_schedule is SigmaSchedule.KARRAS
    assert request.seed == 42


GENERAL = [each for each in catalogue.CHECKPOINTS.values() if Mode.TEXT_TO_IMAGE in each.modes]


@pytest.mark.parametrize("shape", ["square", "portrait", "landscape"])
@pytest.mark.parametrize("checkpoint", GENERAL, ids=lambda each: each.id)
def test_every_shape_is_a_size_that_the_checkpoint_can_draw(checkpoint, shape):
    width, height = size_for(checkpoint, shape=shape)

    assert {"square": width == height, "portrait": width < height, "landscape": width > height}[
        shape
    ]
    for side in (width, height):
        assert side % checkpoint.multiple == 0
        assert checkpoint.min_size <= side <= checkpoint.max_size


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", "  "),
        ("prompt", "x" * 32_001),
        ("prompt", "\0"),
        ("negative_prompt", "x" * 32_001),
        ("checkpoint", "sd-9"),
        ("shape", "round"),
        ("num_inference_steps", "0"),
        ("num_inference_steps", "151"),
        ("guidance_scale", "nan"),
        ("guidance_scale", "31"),
        ("noise_scheduler", "magic"),
        ("sigma_schedule", "magic"),
        ("seed", "-1"),
        ("seed", str(2**32)),
    ],
)
def test_an_error_stands_beside_its_field(field, value):
    form = GenerationForm({**FILLED, field: value})

    assert not form.is_valid()
    assert list(form.errors) == [field]


@pytest.mark.parametrize(("side", "nearest"), [("100", 96), ("1024", 512), ("0", 64), ("-64", 64)])
def test_a_size_that_the_checkpoint_cannot_draw_is_refused_in_its_own_words(side, nearest):
    form = GenerationForm({**FILLED, "shape": CUSTOM, "width": side, "height": "128"})

    assert not form.is_valid()
    assert form.errors == {
        "width": [f"Use {nearest} pixels: sides are multiples of 16, from 64 to 512."]
    }


def test_the_rules_of_the_engine_are_told_in_the_readers_language():
    form = GenerationForm({**FILLED, "shape": CUSTOM, "width": "100", "height": "128"})

    with override("zh-hans"):
        assert form.errors["width"] == ["请用 96 像素：边长须是 16 的倍数，在 64 到 512 之间。"]


def test_checkpoints_without_weights_are_not_offered():
    form = GenerationForm()

    assert [id for id, _name in form.fields["checkpoint"].choices] == ["sketchbook"]


@pytest.mark.parametrize("size", [(128, 128), (96, 160), (192, 64)])
def test_a_request_comes_back_into_the_form_as_it_was(size):
    form = GenerationForm({**FILLED, "shape": CUSTOM, "width": size[0], "height": size[1]})
    assert form.is_valid()
    request = form.generation_request

    again = GenerationForm(values_of(request, seed=request.seed))

    assert again.is_valid()
    assert again.generation_request == request


def test_a_request_comes_back_without_its_seed_to_draw_another_picture():
    form = GenerationForm({**FILLED, "seed": "42"})
    assert form.is_valid()

    values = values_of(form.generation_request)

    assert values["seed"] is None
    assert not values["keep_seed"]


@pytest.fixture
def picture(alice):
    return Upload.objects.create(
        user=alice, digest=digest("image"), file="x.png", width=300, height=200, bytes=1
    )


def form_for(alice, mode, **values):
    picture = {"image": digest("image"), "mask": digest("mask")}
    return GenerationForm({**FILLED, **picture, "mode": mode, **values}, user=alice)


@pytest.mark.django_db
def test_a_picture_is_worked_on_in_its_own_proportions(alice, picture):
    form = form_for(alice, Mode.IMAGE_TO_IMAGE, shape=AS_PICTURE)

    assert form.is_valid(), form.errors
    request = form.generation_request
    assert request.width / request.height == pytest.approx(1.5, rel=0.2)
    assert request.strength == DEFAULT_STRENGTH[Mode.IMAGE_TO_IMAGE]


@pytest.mark.django_db
def test_a_strength_that_is_given_is_used(alice, picture):
    form = form_for(alice, Mode.IMAGE_TO_IMAGE, strength="0.35")

    assert form.is_valid()
    assert form.generation_request.strength == 0.35


@pytest.mark.django_db
def test_what_a_mode_does_not_use_is_left_out(alice, picture):
    form = form_for(alice, Mode.TEXT_TO_IMAGE, strength="0.35", left="64")

    assert form.is_valid()
    request = form.generation_request
    assert (request.image, request.mask, request.strength) == ("", "", 1.0)
    assert request.padding == (0, 0, 0, 0)


@pytest.mark.django_db
def test_room_around_a_picture_grows_the_canvas_in_its_scale(alice, picture):
    form = form_for(alice, Mode.OUTPAINT, left="150", bottom="100")

    assert form.is_valid(), form.errors
    request = form.generation_request
    left, _top, right, bottom = request.padding
    inner = (request.width - left - right, request.height - request.padding[1] - bottom)
    assert inner[0] / inner[1] == pytest.approx(1.5, rel=0.05)
    assert left / request.width == pytest.approx(150 / 450, rel=0.15)


@pytest.mark.django_db
def test_a_picture_keeps_its_own_pixels_where_the_whole_can_be_drawn(alice, picture):
    form = form_for(alice, Mode.OUTPAINT, left="150", top="20")

    assert form.is_valid(), form.errors
    request = form.generation_request
    left, top, right, bottom = request.padding
    assert (left, top) == (150, 20)
    assert (request.width - left - right, request.height - top - bottom) == (300, 200)
    assert max(right, bottom) < 32


@pytest.mark.django_db
def test_a_picture_that_grows_stays_within_the_plan(alice, picture, monkeypatch):
    small = replace(PLANS["basic"], max_pixels=300 * 256)
    monkeypatch.setattr("generation.studio.forms.plan_of", lambda _user: small)

    form = form_for(alice, Mode.OUTPAINT, left="150")

    assert form.is_valid(), form.errors
    assert form.generation_request.pixels <= small.max_pixels


@pytest.mark.django_db
@pytest.mark.parametrize("left", ["96", "400"])
def test_room_around_a_picture_comes_back_in_the_pictures_own_pixels(alice, picture, left):
    form = form_for(alice, Mode.OUTPAINT, left=left, top="64")
    assert form.is_valid(), form.errors

    again = values_of(form.generation_request, picture=(300, 200))

    assert again["left"] == pytest.approx(int(left), abs=2)
    assert again["top"] == pytest.approx(64, abs=2)


@pytest.mark.django_db
def test_the_strength_of_another_mode_makes_no_difference_to_outpainting(alice, picture):
    form = form_for(alice, Mode.OUTPAINT, left="64", strength="0.2")

    assert form.is_valid(), form.errors
    assert form.generation_request.strength == 1.0


@pytest.mark.django_db
@pytest.mark.parametrize("mode", [Mode.IMAGE_TO_IMAGE, Mode.INPAINT, Mode.OUTPAINT])
def test_a_mode_that_needs_a_picture_asks_for_it(alice, mode):
    form = form_for(alice, mode, image="", left="64")

    assert not form.is_valid()
    assert "image" in form.errors


@pytest.mark.django_db
def test_more_pictures_at_once_are_one_request(alice):
    form = GenerationForm({**FILLED, "num_images": "3"}, user=alice)

    assert form.is_valid()
    assert form.generation_request.num_images == 3


@pytest.mark.django_db
@pytest.mark.parametrize("mode", [Mode.IMAGE_TO_IMAGE, Mode.INPAINT])
def test_a_request_on_a_picture_comes_back_into_the_form_as_it_was(alice, picture, mode):
    form = form_for(alice, mode, strength="0.7", shape="landscape")
    assert form.is_valid(), form.errors
    request = form.generation_request

    again = GenerationForm(values_of(request, seed=request.seed), user=alice)

    assert again.is_valid(), again.errors
    assert again.generation_request == request


def test_a_mode_that_the_checkpoint_lacks_is_refused():
    form = GenerationForm({**FILLED, "mode": Mode.UPSCALE, "image": digest("image")})

    assert not form.is_valid()
    assert "mode" in form.errors


@pytest.fixture
def shelf(tmp_path, settings, monkeypatch):
    """A folder of checkpoints whose state is never cached."""
    monkeypatch.setattr(catalogue, "FRESH_SECONDS", 0)
    settings.CHECKPOINTS_DIR = tmp_path
    return tmp_path


def test_an_operators_own_checkpoint_is_offered_at_once(shelf):
    assert not GenerationForm({**FILLED, "checkpoint": "mine"}).is_valid()

    put_own(shelf, "mine", name="My model")

    form = GenerationForm({**FILLED, "checkpoint": "mine"})
    assert ("mine", "My model") in form.fields["checkpoint"].choices
    assert form.is_valid()


def test_a_damaged_checkpoint_is_shown_but_cannot_be_chosen(shelf):
    damage(put(shelf, "sd-1.5"))

    form = GenerationForm({**FILLED, "checkpoint": "sd-1.5"})

    assert [each.id for each in form.unavailable] == ["sd-1.5"]
    assert not form.is_valid()


def test_a_whole_checkpoint_is_shown_as_any_other(shelf):
    put(shelf, "sd-1.5")

    form = GenerationForm()

    assert ("sd-1.5", "Stable Diffusion 1.5") in form.fields["checkpoint"].choices
    assert form.unavailable == []


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_no_two_fields_are_called_the_same(language):
    with override(language):
        labels = [str(field.label) for field in GenerationForm().fields.values() if field.label]

    assert sorted(labels) == sorted(set(labels))


def radio(form, mode):
    (found,) = [each for each in form["mode"].subwidgets if each.data["value"] == mode]
    return found.data["attrs"]


@pytest.mark.parametrize("mode", Mode)
def test_a_modes_radio_button_says_what_the_mode_uses(mode):
    attrs = radio(GenerationForm(), mode)

    assert attrs["data-uses"].split() == list(mode.uses)
    assert attrs["data-default-strength"] == DEFAULT_STRENGTH.get(mode, 1.0)


def test_a_strength_is_asked_for_exactly_where_there_is_a_default():
    assert {mode for mode in Mode if "strength" in mode.uses} == set(DEFAULT_STRENGTH)


def test_modes_that_the_chosen_checkpoint_lacks_are_marked():
    form = GenerationForm({**FILLED, "checkpoint": "sketchbook"})

    marked = {mode for mode in Mode if radio(form, mode)["data-unavailable"]}

    assert marked == set(Mode) - set(SKETCHBOOK.modes)
    assert marked


EXPERT = {
    "clip_skip": 2,
    "eta": 0.5,
    "subseed": 9,
    "subseed_strength": 0.25,
    "noise_scheduler": "ddim",
}


def test_expert_settings_are_asked_for_and_come_back():
    form = GenerationForm({**FILLED, **EXPERT})
    assert form.is_valid(), form.errors

    request = form.generation_request

    assert {name: getattr(request, name) for name in EXPERT} == EXPERT
    again = GenerationForm({**FILLED, **values_of(request)})
    assert again.is_valid()
    assert {name: getattr(again.generation_request, name) for name in EXPERT} == EXPERT


def test_what_is_said_about_a_mask_counts_where_there_is_one(alice):
    said = {
        "only_masked": "on",
        "mask_padding": "8",
        "mask_blur": "3",
        "mask_fill": "latent_noise",
    }

    painting = form_for(alice, Mode.INPAINT, **said)
    other = form_for(alice, Mode.IMAGE_TO_IMAGE, **said)
    assert painting.is_valid() and other.is_valid()

    for form, expected in ((painting, (True, 8, 3)), (other, (False, 32, 0))):
        request = form.generation_request
        assert (request.only_masked, request.mask_padding, request.mask_blur) == expected
    again = values_of(painting.generation_request)
    assert (again["only_masked"], again["mask_fill"]) == (True, "latent_noise")
