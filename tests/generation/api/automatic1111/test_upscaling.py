"""Upscaling in every API format, with an upscaler in the worker and without one."""

import base64
import io
import time

import httpx2
import PIL.Image
import pytest
import webuiapi
from django.core.files.uploadedfile import SimpleUploadedFile

from generation.models import Job, Upload
from tests.generation.api.callers import Caller
from tests.generation.api.site import UPSCALER, made_key
from tests.generation.installed import put_own

SIZE, ENLARGED = (32, 64), (128, 256)


def png():
    buffer = io.BytesIO()
    PIL.Image.linear_gradient("L").resize(SIZE).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def opened(content):
    picture = PIL.Image.open(io.BytesIO(content))
    picture.load()
    return picture


def text():
    return base64.b64encode(png()).decode()


# With an upscaler ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def secret(site):
    return made_key(site, "enlarging@example.com")


@pytest.fixture
def client_of_site(site, secret):
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx2.Client(base_url=site.url, headers=headers, timeout=120) as client:
        yield client


def last_job(client):
    """The newest job's mode and cost."""
    job = client.get("/api/v1/jobs").json()["items"][0]
    assert (job["request"]["mode"], job["status"]) == ("upscale", "succeeded")
    assert job["request"]["checkpoint"] == UPSCALER
    assert job["charged"] == job["price"] > 0
    return job


@pytest.mark.slow
def test_native_enlarges(client_of_site):
    uploaded = client_of_site.post("/api/v1/uploads", files={"file": ("a.png", png())}).json()
    wish = {"mode": "upscale", "image": uploaded["digest"], "prompt": "a house"}

    quote = client_of_site.post("/api/v1/quote", json=wish).json()
    job = client_of_site.post("/api/v1/jobs", json=wish, headers={"Prefer": "wait=60"}).json()

    assert job["status"] == "succeeded"
    assert last_job(client_of_site)["price"] == quote["price"]
    content = httpx2.get(job["pictures"][0]["url"]).content
    assert opened(content).size == ENLARGED == (quote["width"], quote["height"])


@pytest.mark.slow
@pytest.mark.parametrize("service", ["fast", "conservative"])
def test_stability_enlarges(client_of_site, service):
    response = client_of_site.post(
        f"/v2beta/stable-image/upscale/{service}",
        headers={"Accept": "image/*"},
        files={"image": ("a.png", png())},
        data={"prompt": "a house"},
    )

    assert opened(response.content).size == ENLARGED
    assert response.headers["finish-reason"] == "SUCCESS"
    last_job(client_of_site)


@pytest.mark.slow
def test_stabilitys_creative_upscaler_is_asked_for_its_result(client_of_site):
    id = client_of_site.post(
        "/v2beta/stable-image/upscale/creative",
        files={"image": ("a.png", png())},
        data={"prompt": "a house"},
    ).json()["id"]

    deadline = time.monotonic() + 60
    while (response := client_of_site.get(f"/v2beta/results/{id}")).status_code == 202:
        assert time.monotonic() < deadline
        time.sleep(0.2)

    assert opened(response.content).size == ENLARGED
    assert last_job(client_of_site)["id"] == id


@pytest.mark.slow
def test_webuiapi_enlarges(site, secret, client_of_site):
    api = webuiapi.WebUIApi(baseurl=f"{site.url}/sdapi/v1")
    api.set_auth("key", secret)

    enlarged = api.extra_single_image(opened(png()), upscaler_1=UPSCALER.capitalize())

    assert enlarged.image.size == ENLARGED
    assert UPSCALER.capitalize() in [each["name"] for each in api.get_upscalers()]
    last_job(client_of_site)


# Without an upscaler ---------------------------------------------------------------------------------

STABILITY = "/v2beta/stable-image/upscale/"


def ask(caller, address):
    if address.startswith(STABILITY):
        file = SimpleUploadedFile("a.png", png(), "image/png")
        return caller.send(address, {"prompt": "a house", "image": file})
    return caller.post(address, {"mode": "upscale", "image": text()})


def said(response):
    """The error message in the format's own body."""
    body = response.json()
    return str(body.get("errors") or body.get("detail"))


ADDRESSES = [
    ("/api/v1/jobs", 422),
    ("/api/v1/quote", 422),
    (f"{STABILITY}fast", 400),
    (f"{STABILITY}conservative", 400),
    (f"{STABILITY}creative", 400),
    ("/sdapi/v1/extra-single-image", 422),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("address", "status"), ADDRESSES)
def test_without_an_upscaler_it_is_refused_and_nothing_held_or_kept(caller, address, status):
    response = ask(caller, address)

    assert response.status_code == status
    assert "No checkpoint that this key may use can do this." in said(response)
    assert caller.get("/api/v1/balance").json()["credits"]["held"] == 0
    assert not Job.objects.exists()
    assert not Upload.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("address", "status"), ADDRESSES)
def test_a_key_that_may_not_use_the_upscaler_is_refused(
    client, buyer, settings, tmp_path, address, status
):
    settings.CHECKPOINTS_DIR = tmp_path
    put_own(tmp_path, "enlarger", modes=["upscale"])
    limited, free = Caller(client, buyer, checkpoints=["sketchbook"]), Caller(client, buyer)

    assert ask(limited, address).status_code == status
    assert not Job.objects.exists()
    assert free.post("/api/v1/quote", {"mode": "upscale", "image": text()}).status_code == 200
