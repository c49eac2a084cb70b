"""Example requests of the OpenAI, AUTOMATIC1111 and Stability formats."""

import base64
import io

import PIL.Image
from django.core.files.uploadedfile import SimpleUploadedFile

SMALL = {"num_inference_steps": 30, "seed": 7}


def png(mode="RGB", color="red"):
    buffer = io.BytesIO()
    PIL.Image.new(mode, (128, 128), color).save(buffer, "PNG")
    return buffer.getvalue()


def file(content=None):
    return SimpleUploadedFile("a.png", png() if content is None else content, "image/png")


def text(content=None):
    return base64.b64encode(content or png()).decode()


# Path, body, and whether the body is sent as a form.
OPENAI = ("/v1/images/generations", {"prompt": "a tree", "size": "128x128", **SMALL}, False)


EDIT = ("/v1/images/edits", lambda: {"prompt": "a tree", "image": file()}, True)


VARIATION = ("/v1/images/variations", lambda: {"image": file()}, True)


TXT2IMG = (
    "/sdapi/v1/txt2img",
    {"prompt": "a tree", "width": 128, "height": 128, "steps": 30, "seed": -1, "eta": 0},
    False,
)


IMG2IMG = ("/sdapi/v1/img2img", {"prompt": "a tree", "init_images": [text()]}, False)


CORE = ("/v2beta/stable-image/generate/core", lambda: {"prompt": "a tree"}, True)


SD3 = (
    "/v2beta/stable-image/generate/sd3",
    lambda: {"prompt": "a tree", "image": file(), "mode": "image-to-image", "strength": "0.5"},
    True,
)


INPAINT = (
    "/v2beta/stable-image/edit/inpaint",
    lambda: {"prompt": "a tree", "image": file(), "mask": file(png("L", 255))},
    True,
)


OUTPAINT = (
    "/v2beta/stable-image/edit/outpaint",
    lambda: {"prompt": "a tree", "image": file(), "left": "64"},
    True,
)


V1 = (
    "/v1/generation/sketchbook/text-to-image",
    {"text_prompts": [{"text": "a tree"}, {"text": "a house", "weight": -1}], "steps": 30},
    False,
)


V1_IMAGE = (
    "/v1/generation/sketchbook/image-to-image",
    lambda: {"text_prompts[0][text]": "a tree", "init_image": file()},
    True,
)


V1_MASK = (
    "/v1/generation/sketchbook/image-to-image/masking",
    lambda: {
        "text_prompts[0][text]": "a tree",
        "init_image": file(),
        "mask_image": file(png("L", 0)),
        "mask_source": "MASK_IMAGE_BLACK",
    },
    True,
)


MAKING = [
    OPENAI,
    EDIT,
    VARIATION,
    TXT2IMG,
    IMG2IMG,
    CORE,
    SD3,
    INPAINT,
    OUTPAINT,
    V1,
    V1_IMAGE,
    V1_MASK,
]


READING = [
    "/v1/models",
    "/v1/models/sketchbook",
    "/v1/engines/list",
    "/v1/user/balance",
    "/v1/user/account",
    *(
        f"/sdapi/v1/{name}"
        for name in [
            "progress",
            "options",
            "sd-models",
            "samplers",
            "schedulers",
            "upscalers",
            "latent-upscale-modes",
            "sd-vae",
            "loras",
            "embeddings",
            "prompt-styles",
            "face-restorers",
            "realesrgan-models",
            "hypernetworks",
            "scripts",
            "script-info",
            "cmd-flags",
            "memory",
        ]
    ),
]


IDS = [address for address, _body, _is_form in MAKING]


def ask(caller, example, **headers):
    address, body, is_form = example
    if is_form:
        return caller.send(address, body(), **headers)
    return caller.post(address, body, **headers)


def message_of(response):
    """The error message in the format's own body."""
    body = response.json()
    if "error" in body and isinstance(body["error"], dict):
        return body["error"]["message"]
    if "detail" in body:
        return str(body["detail"])
    assert body["id"] == response.headers["X-Request-Id"]
    return body.get("message") or body["errors"][0]
