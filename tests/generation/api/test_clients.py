"""Programs as they are, unmodified, against the running site with its worker and the bundled checkpoint."""

import asyncio
import base64
import io
import json

import httpx2
import litellm
import openai
import PIL.Image
import pytest
import webuiapi
from PIL import ImageChops, ImageStat

from generation.engine.checkpoints import catalogue
from tests.generation.api.site import UPSCALER, made_key

pytestmark = pytest.mark.slow
SIZE = "128x128"
QUICK = {"num_inference_steps": 4, "seed": 7}


@pytest.fixture(scope="module")
def secret(site):
    return made_key(site, "programs@example.com")


@pytest.fixture
def client(site, secret):
    with openai.OpenAI(base_url=f"{site.url}/v1", api_key=secret) as client:
        yield client


@pytest.fixture
def native(site, secret):
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx2.Client(base_url=f"{site.url}/api/v1", headers=headers, timeout=90) as native:
        yield native


def opened(text):
    picture = PIL.Image.open(io.BytesIO(base64.b64decode(text)))
    picture.load()
    return picture


def nearest(picture, others):
    """The index of the nearest image: in another batch, its last bits differ."""
    differences = [ImageStat.Stat(ImageChops.difference(picture, other)).sum for other in others]
    number = min(range(len(others)), key=lambda each: sum(differences[each]))
    assert (
        max(high for _low, high in ImageChops.difference(picture, others[number]).getextrema()) < 8
    )
    return number


def png(size=(128, 128), color="red"):
    buffer = io.BytesIO()
    PIL.Image.new("RGBA" if isinstance(color, tuple) else "RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()


def test_openai_makes_a_picture(client):
    answer = client.images.generate(
        model="sketchbook", prompt="a red house", size=SIZE, n=2, extra_body=QUICK
    )

    assert [opened(each.b64_json).size for each in answer.data] == [(128, 128), (128, 128)]
    assert {model.id for model in client.models.list()} == {"sketchbook", UPSCALER}


def test_openai_makes_more_pictures_than_one_job_does(client):
    wish = {"model": "sketchbook", "prompt": "a red house", "size": SIZE}

    many = client.images.generate(**wish, n=6, extra_body=QUICK)
    last = client.images.generate(**wish, extra_body={**QUICK, "seed": QUICK["seed"] + 5})
    streamed = list(client.images.generate(**wish, n=6, stream=True, extra_body=QUICK))

    pictures = [opened(each.b64_json) for each in many.data]
    assert [nearest(opened(each.b64_json), pictures) for each in [*last.data, *streamed]] == [
        5,
        *range(6),
    ]


def test_openai_links_to_a_picture_that_needs_no_key(client):
    answer = client.images.generate(
        prompt="a red house", size=SIZE, response_format="url", extra_body=QUICK
    )

    fetched = httpx2.get(answer.data[0].url)
    assert fetched.headers["Content-Type"] == "image/png"


def test_openai_asynchronously(site, secret):
    async def generate():
        async with openai.AsyncOpenAI(base_url=f"{site.url}/v1", api_key=secret) as client:
            wanted = [
                client.images.generate(
                    prompt="a tree", size=SIZE, output_format="webp", extra_body=QUICK
                )
                for _each in range(3)
            ]
            return await asyncio.gather(*wanted)

    answers = asyncio.run(generate())

    assert {opened(answer.data[0].b64_json).format for answer in answers} == {"WEBP"}


def test_openai_streams_partial_images(client):
    stream = client.images.generate(
        prompt="a red house",
        size="512x512",
        stream=True,
        partial_images=2,
        extra_body={"num_inference_steps": 40},
    )

    events = list(stream)

    *partial, completed = [event.type for event in events]
    assert completed == "image_generation.completed"
    assert set(partial) == {"image_generation.partial_image"}
    assert [event.partial_image_index for event in events[:-1]] == list(range(len(partial)))
    assert 1 <= len(partial) <= 2
    assert opened(events[-1].b64_json).size == (512, 512)
    assert opened(events[0].b64_json).format == "PNG"


def test_openai_edits_with_a_mask(client):
    mask = PIL.Image.new("RGBA", (128, 128), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, 64, 128))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")

    answer = client.images.edit(
        image=("image.png", png()),
        mask=("mask.png", buffer.getvalue()),
        prompt="a tree",
        size=SIZE,
        extra_body=QUICK,
    )

    edited = opened(answer.data[0].b64_json).convert("RGB")
    red = PIL.Image.new("RGB", (1, 1), "red").getpixel((0, 0))
    assert edited.getpixel((120, 64)) == red
    assert edited.getpixel((10, 64)) != red


def test_openai_makes_a_variation(client):
    with pytest.warns(DeprecationWarning, match="deprecated"):
        answer = client.images.create_variation(image=("image.png", png()), size=SIZE)

    assert opened(answer.data[0].b64_json).size == (128, 128)


def test_openai_understands_what_is_wrong(client):
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(prompt="a red house", size="7x7")

    assert (refused.value.code, refused.value.param) == ("invalid_size", "size")


def test_webuiapi_makes_pictures(site, secret):
    api = webuiapi.WebUIApi(baseurl=f"{site.url}/sdapi/v1", sampler="DDIM", steps=4)
    api.set_auth("key", secret)

    made = api.txt2img(prompt="a red house", width=128, height=128, seed=7)
    changed = api.img2img(
        images=[made.image], prompt="a blue house", width=128, height=128, denoising_strength=0.5
    )

    assert made.image.size == changed.image.size == (128, 128)
    assert made.info["seed"] == 7
    assert "Steps: 4" in api.png_info(made.image).info
    assert {name.split()[0] for name in api.util_get_model_names()} == {"sketchbook", UPSCALER}
    assert api.get_progress()["state"]["job_count"] == 0
    api.util_wait_for_ready(check_interval=0.1)


def test_webuiapi_makes_a_picture_larger_in_a_second_pass(site, secret, native):
    api = webuiapi.WebUIApi(baseurl=f"{site.url}/sdapi/v1", sampler="DDIM", steps=4)
    api.set_auth("key", secret)

    made = api.txt2img(
        prompt="a red house", width=128, height=128, seed=7, enable_hr=True, denoising_strength=0.5
    )

    second, first = native.get("/jobs").json()["items"][:2]
    assert second["charged"] > first["charged"] > 0
    assert made.info["extra_generation_params"]["Hires resize"] == "256x256"
    # The picture that an enlarging second job makes of the first.
    wish = {
        "prompt": "a red house",
        "mode": "image_to_image",
        "image": first["pictures"][0]["id"],
        "width": 256,
        "height": 256,
        "strength": 0.5,
        "num_inference_steps": 4,
        "guidance_scale": first["request"]["guidance_scale"],
        "noise_scheduler": "ddim",
        # The client sends it with every request.
        "eta": 1.0,
        "seed": 7,
    }
    job = native.post("/jobs", json=wish, headers={"Prefer": "wait=60"}).json()
    changed = PIL.Image.open(io.BytesIO(httpx2.get(job["pictures"][0]["url"]).content))
    assert nearest(made.image, [changed]) == 0


def test_a_key_in_the_address_is_enough(site, secret):
    response = httpx2.post(
        f"{site.url}/a1111/{secret}/sdapi/v1/txt2img",
        json={"prompt": "a tree", "steps": 4, "width": 128, "height": 128},
        timeout=60,
    )

    assert opened(response.json()["images"][0]).size == (128, 128)
    assert secret not in site.output


def test_litellm_speaks_stability(site, secret):
    answer = litellm.image_generation(
        model="stability/sd3",
        prompt="a red house",
        api_base=site.url,
        api_key=secret,
        size="1024x1024",
    )

    side = catalogue.get("sketchbook").native_size
    assert opened(answer.data[0].b64_json).size == (side, side)


def test_litellm_speaks_openai(site, secret):
    made = litellm.image_generation(
        model="openai/sketchbook",
        prompt="a red house",
        size=SIZE,
        api_base=f"{site.url}/v1",
        api_key=secret,
    )
    edited = litellm.image_edit(
        model="openai/sketchbook",
        image=io.BytesIO(png()),
        prompt="a tree",
        size=SIZE,
        api_base=f"{site.url}/v1",
        api_key=secret,
    )

    assert opened(made.data[0].b64_json).size == opened(edited.data[0].b64_json).size == (128, 128)


def test_stability_sends_files(site, secret):
    response = httpx2.post(
        f"{site.url}/v2beta/stable-image/generate/core",
        headers={"Authorization": f"Bearer {secret}", "Accept": "image/*"},
        files={"none": ""},
        data={"prompt": "a tree", "output_format": "jpeg", "seed": "5"},
        timeout=60,
    )

    assert response.headers["Content-Type"] == "image/jpeg"
    assert (response.headers["seed"], response.headers["finish-reason"]) == ("5", "SUCCESS")


def test_native_waits_for_the_picture(native):
    response = native.post(
        "/jobs",
        json={"prompt": "a tree", "num_inference_steps": 4},
        headers={"Prefer": "wait=60"},
    )

    shown = response.json()
    assert (response.status_code, shown["status"]) == (201, "succeeded")
    assert httpx2.get(shown["pictures"][0]["url"]).content[:4] == b"\x89PNG"
    assert native.get(shown["receipt_url"]).json()["charged"] == shown["charged"]


def events_of(native, job, **headers):
    with native.stream("GET", job["events_url"], headers=headers) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        text = "".join(response.iter_text())
    blocks = [block for block in text.split("\n\n") if block and not block.startswith(":")]
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


def test_native_tells_of_every_step_and_goes_on_where_one_was(native):
    job = native.post(
        "/jobs",
        json={"prompt": "a tree", "width": 512, "height": 512, "num_inference_steps": 30},
    ).json()

    events = events_of(native, job)
    again = events_of(native, job, **{"Last-Event-ID": events[-2]["id"]})

    assert {"status", "step"} <= {event["event"] for event in events}
    assert json.loads(events[-1]["data"])["status"] == "succeeded"
    numbers = [int(event["id"]) for event in events]
    assert numbers == sorted(numbers)
    assert [event["event"] for event in again] == ["status"]


def test_a_retry_of_a_picture_that_was_delivered_makes_another(native, site):
    body = {"prompt": "a boat", "size": SIZE, **QUICK}
    address = f"{site.url}/v1/images/generations"

    first = native.post(address, json=body)
    second = native.post(address, json=body, headers={"X-Stainless-Retry-Count": "1"})

    assert first.status_code == second.status_code == 200
    assert first.headers["X-Job-Id"] != second.headers["X-Job-Id"]


def test_a_stream_that_breaks_neither_loses_the_picture_nor_pays_twice(native, site, secret):
    body = {
        "prompt": "a boat",
        "size": "512x512",
        "stream": True,
        "partial_images": 1,
        "num_inference_steps": 30,
    }
    before = native.get("/balance").json()["credits"]["available"]

    with native.stream("POST", f"{site.url}/v1/images/generations", json=body) as broken:
        assert broken.status_code == 200
    retried = native.post(
        f"{site.url}/v1/images/generations",
        json=body,
        headers={"X-Stainless-Retry-Count": "1"},
    )

    assert "image_generation.completed" in retried.text
    spent = before - native.get("/balance").json()["credits"]["available"]
    assert spent == native.get("/jobs").json()["items"][0]["charged"] > 0
