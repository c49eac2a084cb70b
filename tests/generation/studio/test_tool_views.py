"""Requests of the studio's scripts."""

import io
import json

import PIL.Image
import PIL.PngImagePlugin
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from generation.engine.enums import Mode
from generation.images import sources, storage, uploads
from generation.models import Job, StudioPreset, Upload
from generation.studio import history
from tests.disks import almost_full, incompressible
from tests.generation.images import heic
from tests.generation.installed import put, put_own
from tests.generation.rows import make_image, make_job, make_request, make_upload

pytestmark = pytest.mark.django_db
TOOLS = ["count_tokens", "read_picture", "keep_preset", "upload"]
FILLED = {"prompt": "a red house", "checkpoint": "sketchbook", "shape": "square"}


def a_file(color="teal", size=(40, 30), name="x.png"):
    buffer = io.BytesIO()
    PIL.Image.new("RGB", size, color).save(buffer, "PNG")
    return SimpleUploadedFile(name, buffer.getvalue(), "image/png")


def post(client, name, *args, **data):
    return client.post(reverse(name, args=args), data)


def test_a_prompt_is_counted(client, alice):
    client.force_login(alice)

    answer = post(client, "count_tokens", prompt="a red house", checkpoint="sketchbook").json()

    assert (answer["tokens"], answer["limit"]) == (3, 46)
    assert answer["text"] == "3 of 46 tokens"


def test_a_prompt_beyond_the_limit_is_said_to_be(client, alice):
    client.force_login(alice)

    answer = post(
        client, "count_tokens", prompt="a red house " * 30, checkpoint="sketchbook"
    ).json()

    assert "read in 2 pieces" in answer["text"]


def test_no_checkpoint_counts_nothing(client, alice):
    client.force_login(alice)

    assert post(client, "count_tokens", prompt="a", checkpoint="sd-9").status_code == 404


def test_a_picture_is_taken_and_shown_to_its_owner_alone(client, alice, bob):
    client.force_login(alice)

    answer = post(client, "upload", file=a_file())

    assert answer.status_code == 201
    assert (answer.json()["width"], answer.json()["height"]) == (40, 30)
    shown = client.get(answer.json()["url"])
    assert PIL.Image.open(io.BytesIO(shown.content)).size == (40, 30)
    assert "private" in shown["Cache-Control"]
    client.force_login(bob)
    assert client.get(answer.json()["url"]).status_code == 404


@pytest.mark.parametrize("data", [{}, {"file": SimpleUploadedFile("x.png", b"no picture")}])
def test_what_is_no_picture_is_refused_with_the_reason(client, alice, data):
    client.force_login(alice)

    answer = post(client, "upload", **data)

    assert answer.status_code == 422
    assert answer.json()["error"]
    assert not Upload.objects.exists()


def test_a_picture_of_ones_own_can_be_worked_on(client, alice, bob):
    image = make_image(make_job(alice))
    client.force_login(alice)

    answer = post(client, "upload_image", image.pk)

    assert answer.status_code == 201
    client.force_login(bob)
    assert post(client, "upload_image", image.pk).status_code == 404


def test_the_studio_starts_from_a_picture_of_ones_own(client, alice):
    image = make_image(make_job(alice, request=make_request(prompt="a blue boat")))
    client.force_login(alice)

    form = client.get(image.variation_url).context["form"]

    assert form["mode"].value() == Mode.IMAGE_TO_IMAGE
    assert form["prompt"].value() == "a blue boat"
    assert form["image"].value() == Upload.objects.get().digest


def test_a_model_that_cannot_vary_a_picture_leaves_it_to_one_that_can(
    client, alice, settings, tmp_path
):
    settings.CHECKPOINTS_DIR = tmp_path
    put_own(tmp_path, "enlarger", modes=["upscale"])
    job = make_job(alice)
    job.checkpoint = job.request["checkpoint"] = "enlarger"
    job.save()
    image = make_image(job)
    client.force_login(alice)

    form = client.get(image.variation_url).context["form"]

    assert form["checkpoint"].value() == "sketchbook"
    assert form["num_inference_steps"].value() is None


def test_a_picture_of_others_cannot_be_started_from(client, alice, bob):
    image = make_image(make_job(alice))
    client.force_login(bob)

    assert client.get(image.variation_url).status_code == 404


def test_without_scripts_the_pictures_come_with_the_form(client, alice):
    client.force_login(alice)

    client.post(
        reverse("studio"),
        {
            **FILLED,
            "mode": Mode.INPAINT,
            "image_file": a_file(),
            "mask_file": a_file("white", name="mask.png"),
        },
    )

    request = Job.objects.get().generation_request
    assert request.mode is Mode.INPAINT
    opened = sources.open_all(alice.pk, request)
    assert opened["mask"].getpixel((0, 0)) == (255, 255, 255)


def test_a_file_that_is_refused_is_said_beside_its_field(client, alice):
    client.force_login(alice)

    response = client.post(
        reverse("studio"),
        {
            **FILLED,
            "mode": Mode.IMAGE_TO_IMAGE,
            "image_file": SimpleUploadedFile("x.png", b"no picture"),
        },
    )

    assert (
        "Use a PNG, JPEG, WebP, AVIF or HEIC picture." in response.context["form"].errors["image"]
    )
    assert not Job.objects.exists()


@pytest.fixture
def media(tmp_path, settings):
    """An empty media folder."""
    default = settings.STORAGES["default"]
    default = {**default, "OPTIONS": {**default["OPTIONS"], "location": tmp_path}}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    return tmp_path


def a_large_file():
    buffer = io.BytesIO()
    pixels = incompressible(200 * 200 * 3)
    PIL.Image.frombytes("RGB", (200, 200), pixels).save(buffer, "PNG")
    return SimpleUploadedFile("x.png", buffer.getvalue(), "image/png")


def test_an_upload_to_a_full_disk_is_refused_and_keeps_no_part(client, alice, media):
    client.force_login(alice)

    with almost_full():
        answer = post(client, "upload", file=a_large_file())

    assert answer.status_code == 503
    assert answer.json() == {"error": "The picture could not be stored. Please try again."}
    assert [path for path in media.rglob("*") if path.is_file()] == []
    assert not Upload.objects.exists()


def test_without_scripts_a_full_disk_is_said_beside_the_field(client, alice, media):
    client.force_login(alice)
    form = {**FILLED, "mode": Mode.IMAGE_TO_IMAGE, "image_file": a_large_file()}

    with almost_full():
        response = client.post(reverse("studio"), form)

    errors = response.context["form"].errors["image"]
    assert "The picture could not be stored. Please try again." in errors
    assert [path for path in media.rglob("*") if path.is_file()] == []


def test_a_picture_of_ones_own_needs_room_too(client, alice, media):
    image = make_image(make_job(alice), size=(200, 200))
    (media / image.file).write_bytes(a_large_file().read())
    client.force_login(alice)

    with almost_full():
        answer = post(client, "upload_image", image.pk)

    assert answer.status_code == 503
    assert not Upload.objects.exists()


def test_a_picture_that_is_not_ones_own_makes_no_job(client, alice, bob):
    stored = uploads.receive(alice, a_file())
    client.force_login(bob)

    response = client.post(
        reverse("studio"), {**FILLED, "mode": Mode.IMAGE_TO_IMAGE, "image": stored.digest}
    )

    assert response.context["form"].errors["image"]
    assert not Job.objects.exists()


def test_a_picture_says_how_it_was_made(client, alice):
    job = make_job(alice)
    (stored,) = storage.save(job, [PIL.Image.new("RGB", (64, 64))], seeds=(6,))
    with storage.default_storage.open(stored.file) as kept:
        file = SimpleUploadedFile("x.png", kept.read())
    client.force_login(alice)

    answer = post(client, "read_picture", file=file)

    assert answer.json()["values"]["prompt"] == "a red house"
    assert answer.json()["values"]["seed"] == 6


def test_another_programs_picture_says_what_is_not_here(client, alice):
    info = PIL.PngImagePlugin.PngInfo()
    settings = (
        "Steps: 9, Sampler: Heun, Schedule type: Turbo, Seed: -1, Model: other, CFG scale: nan"
    )
    info.add_text("parameters", f"a tree\n{settings}")
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=info)
    client.force_login(alice)

    response = post(client, "read_picture", file=SimpleUploadedFile("x.png", buffer.getvalue()))

    assert b"NaN" not in response.content
    answer = response.json()
    assert answer["values"] == {
        "prompt": "a tree",
        "negative_prompt": "",
        "num_inference_steps": 9,
        "noise_scheduler": "heun",
        "sigma_schedule": "uniform",
        "mode": "text_to_image",
        "keep_seed": False,
    }
    assert answer["left_out"] == {
        "guidance_scale": "The guidance nan is out of range.",
        "seed": "The seed -1 is out of range. A new one is drawn.",
        "sigma_schedule": "The schedule Turbo (Heun) is not available here.",
        "checkpoint": "The model other is not available here.",
    }


def test_a_model_is_known_by_its_id_and_name_in_any_case(client, alice):
    client.force_login(alice)
    for name in ("sketchbook", "Sketchbook.safetensors", "folder/SKETCHBOOK.ckpt"):
        info = PIL.PngImagePlugin.PngInfo()
        info.add_text("parameters", f"a tree\nSteps: 9, Model: {name}")
        buffer = io.BytesIO()
        PIL.Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=info)
        file = SimpleUploadedFile("x.png", buffer.getvalue())

        answer = post(client, "read_picture", file=file).json()

        assert answer["values"]["checkpoint"] == "sketchbook"
        assert answer["left_out"] == {}


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"no picture", "Use a PNG, JPEG, WebP, AVIF or HEIC picture."),
        (b"\x89PNG broken", "This picture is damaged and cannot be read."),
        (heic.TURNED, "This picture does not say how it was made."),
    ],
    ids=["no picture", "damaged", "heic"],
)
def test_what_says_nothing_is_refused_with_the_reason(client, alice, content, error):
    client.force_login(alice)

    answer = post(client, "read_picture", file=SimpleUploadedFile("x.png", content))

    assert (answer.status_code, answer.json()["error"]) == (422, error)


def a_file_made_from(upload):
    info = PIL.PngImagePlugin.PngInfo()
    request = make_request(mode=Mode.IMAGE_TO_IMAGE, image=upload.digest, strength=0.5)
    info.add_itxt("request", json.dumps(request.to_dict()))
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=info)
    return SimpleUploadedFile("x.png", buffer.getvalue(), "image/png")


def test_the_picture_that_a_picture_was_made_from_comes_along(client, alice):
    upload = make_upload(alice)
    client.force_login(alice)

    answer = post(client, "read_picture", file=a_file_made_from(upload)).json()

    assert answer["values"]["image"] == upload.digest
    assert "mask" not in answer["values"]
    assert client.get(answer["pictures"]["image"]["url"]).status_code == 200


def test_somebody_elses_picture_does_not_come_along(client, alice, bob):
    upload = make_upload(alice)
    client.force_login(bob)

    answer = post(client, "read_picture", file=a_file_made_from(upload)).json()

    assert answer["values"]["image"] == ""
    assert answer["pictures"] == {}


def test_a_picture_that_says_nothing_is_told_so(client, alice):
    client.force_login(alice)

    answer = post(client, "read_picture", file=a_file())

    assert answer.status_code == 422
    assert answer.json()["error"] == "This picture does not say how it was made."


def test_settings_are_kept_and_come_back(client, alice):
    client.force_login(alice)

    answer = post(client, "keep_preset", **FILLED, num_inference_steps="9", preset_name="mine")

    assert answer.status_code == 201
    form = client.get(answer.json()["url"]).context["form"]
    assert form["num_inference_steps"].value() == "9"


@pytest.mark.parametrize(
    "data", [{"preset_name": ""}, {"preset_name": "x" * 61}, {"num_inference_steps": "0"}]
)
def test_settings_that_cannot_be_kept_are_refused(client, alice, data):
    client.force_login(alice)

    answer = post(client, "keep_preset", **{**FILLED, "preset_name": "mine", **data})

    assert answer.status_code == 422
    assert answer.json()["error"]
    assert not StudioPreset.objects.exists()


def test_a_preset_is_deleted_by_its_owner_alone(client, alice, bob):
    preset = history.keep_preset(alice, "mine", {})
    client.force_login(bob)
    assert post(client, "delete_preset", preset.pk).status_code == 404
    assert client.get(preset.get_absolute_url()).status_code == 404
    client.force_login(alice)

    assert post(client, "delete_preset", preset.pk).status_code == 302
    assert not StudioPreset.objects.exists()


def test_past_prompts_are_ones_own(client, alice, bob):
    make_job(alice, request=make_request(prompt="a secret"))
    client.force_login(bob)

    assert client.get(reverse("past_prompts")).json() == {"prompts": []}


@pytest.mark.parametrize("name", TOOLS)
def test_visitors_are_sent_to_sign_in(client, name):
    assert post(client, name).url.startswith(reverse("account_login"))


@pytest.mark.parametrize("name", TOOLS)
def test_tools_are_not_links(client, alice, name):
    client.force_login(alice)

    assert client.get(reverse(name)).status_code == 405


def test_a_size_beyond_the_plan_is_said_before_it_bites(client, alice, settings, tmp_path):
    settings.CHECKPOINTS_DIR = tmp_path
    put(tmp_path, "sdxl-1.0")
    client.force_login(alice)

    answer = client.get(
        reverse("quote"),
        {"checkpoint": "sdxl-1.0", "shape": "custom", "width": 2048, "height": 1024},
    ).json()

    assert "megapixel" in answer["errors"]["shape"][0]
