"""Requests of early releases of the openai package, as they send them, and what they read of the responses.

Written down from openai 0.28.1 and 1.3.0 for Python, without the header that asks for compression. Neither names a
response format; code of that time reads links.
"""

import json
import re

import pytest

from generation.models import Job
from tests.generation.api.formats import png

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("worker")]
BOUNDARY = "dd7d762762b3f6f23ffcaad5ab965a55"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
JSON = "application/json"
V0_28 = {
    "User-Agent": "OpenAI/v1 PythonBindings/0.28.1",
    "Accept": "*/*",
    "X-OpenAI-Client-User-Agent": json.dumps(
        {"bindings_version": "0.28.1", "httplib": "requests", "lang": "python"}
    ),
}
V1_3 = {
    "User-Agent": "OpenAI/Python 1.3.0",
    "Accept": "application/json",
    "X-Stainless-Lang": "python",
    "X-Stainless-Package-Version": "1.3.0",
    "X-Stainless-OS": "Linux",
    "X-Stainless-Arch": "x64",
    "X-Stainless-Runtime": "CPython",
    "X-Stainless-Runtime-Version": "3.11.7",
}
HOLE = png("RGBA", (0, 0, 0, 0))


def form(*fields, **files):
    """A multipart body as both releases write it: the fields, then the files."""
    parts = [(f'form-data; name="{name}"', None, value.encode()) for name, value in fields] + [
        (f'form-data; name="{name}"; filename="{name}.png"', "image/png", content)
        for name, content in files.items()
    ]
    body = b""
    for disposition, kind, content in parts:
        head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n"
        head += f"Content-Type: {kind}\r\n" if kind else ""
        body += f"{head}\r\n".encode() + content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


GENERATE, EDIT, VARY = "generations", "edits", "variations"
ONE_SMALL = (("n", "1"), ("size", "256x256"))
DALL_E_3 = {
    "prompt": "a tin robot",
    "model": "dall-e-3",
    "n": 1,
    "quality": "hd",
    "size": "256x256",
    "style": "vivid",
}
# By the function that was called, without those arguments that have no effect on the request's form.
REQUESTS = {
    "openai.Image.create": (
        V0_28,
        GENERATE,
        JSON,
        b'{"prompt": "a tin robot", "n": 1, "size": "256x256"}',
    ),
    "openai.Image.create_edit": (
        V0_28,
        EDIT,
        FORM,
        form(("prompt", "a sea"), *ONE_SMALL, image=png(), mask=HOLE),
    ),
    "openai.Image.create_variation": (V0_28, VARY, FORM, form(*ONE_SMALL, image=png())),
    "client.images.generate": (V1_3, GENERATE, JSON, b'{"prompt": "a tin robot"}'),
    "client.images.generate with dall-e-3": (
        V1_3,
        GENERATE,
        JSON,
        json.dumps(DALL_E_3).encode(),
    ),
    "client.images.edit": (
        V1_3,
        EDIT,
        FORM,
        form(("prompt", "a sea"), ("model", "dall-e-2"), *ONE_SMALL, image=png(), mask=HOLE),
    ),
    "client.images.create_variation": (V1_3, VARY, FORM, form(*ONE_SMALL, image=png())),
}


@pytest.mark.parametrize(("headers", "path", "kind", "body"), REQUESTS.values(), ids=REQUESTS)
def test_an_old_client_finds_its_picture_by_the_link(client, caller, headers, path, kind, body):
    response = client.post(
        f"/v1/images/{path}", body, content_type=kind, headers={**caller.headers, **headers}
    )

    assert response.status_code == 200, response.content
    answer = response.json()
    assert isinstance(answer["created"], int)
    link = re.sub("^https?://[^/]+", "", answer["data"][0]["url"])
    assert client.get(link).content[:4] == b"\x89PNG"
    job = Job.objects.get()
    assert job.charged_credits == job.credits > 0
    assert job.generation_request.num_images == 1


@pytest.mark.parametrize("headers", [V0_28, V1_3])
def test_an_old_client_lists_models(client, caller, headers):
    listed = client.get("/v1/models", headers={**caller.headers, **headers}).json()

    assert listed["object"] == "list"
    assert {"id", "object", "created", "owned_by"} <= set(listed["data"][0])


@pytest.mark.parametrize("headers", [V0_28, V1_3])
def test_an_old_client_is_told_what_is_wrong(client, caller, headers):
    response = client.post(
        "/v1/images/generations",
        {"prompt": "", "size": "7x7"},
        content_type=JSON,
        headers={**caller.headers, **headers},
    )

    # Both releases read these fields of the error, and raise by the status.
    assert response.status_code == 400
    assert {"message", "type", "param", "code"} <= set(response.json()["error"])
