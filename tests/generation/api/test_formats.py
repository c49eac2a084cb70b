"""OpenAI's, AUTOMATIC1111's and Stability's wires: each climbs the ladder, in its own words."""

import base64
import io
import json

import PIL.Image
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from generation import jobs
from generation.api import wait
from generation.live import latest, messages
from generation.live.messages import Progress
from generation.models import Job, Status
from tests.billing.books import assert_books_balance
from tests.generation.api.callers import Caller
from tests.generation.carrying import CHARGES
from tests.generation.rows import make_image

pytestmark = pytest.mark.django_db
SMALL = {"num_inference_steps": 30, "seed": 7}


def png(mode="RGB", color="red"):
    buffer = io.BytesIO()
    PIL.Image.new(mode, (128, 128), color).save(buffer, "PNG")
    return buffer.getvalue()


def file(content=None):
    return SimpleUploadedFile("a.png", png() if content is None else content, "image/png")


def text(content=None):
    return base64.b64encode(content or png()).decode()


# Each wire's way to ask for a picture: its address, what is sent, and whether as a form.
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


def ask(caller, wire, **headers):
    address, body, is_form = wire
    if is_form:
        return caller.send(address, body(), **headers)
    return caller.post(address, body, **headers)


def message_of(response):
    """What the wire's own envelope says."""
    body = response.json()
    if "error" in body and isinstance(body["error"], dict):
        return body["error"]["message"]
    if "detail" in body:
        return str(body["detail"])
    assert body["id"] == response.headers["X-Request-Id"]
    return body.get("message") or body["errors"][0]


@pytest.fixture(autouse=True)
def _nobody_waits_long(monkeypatch):
    monkeypatch.setattr(wait, "LONGEST_SECONDS", 1.0)


@pytest.fixture
def worker(monkeypatch):
    """Ends each job at once, as a quick worker would."""

    async def until_ended(job, **options):
        return await wait.in_thread(finished)(job)

    def finished(job):
        if not job.is_final:
            claimed = jobs.claim(worker="machine:1")
            for index in range(job.generation_request.num_images):
                make_image(claimed, index=index, size=(128, 128))
            jobs.finish(claimed, [], CHARGES)
        return Job.objects.get(pk=job.pk)

    monkeypatch.setattr(wait, "until_ended", until_ended)


# Works ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wire", MAKING, ids=IDS)
def test_a_picture_is_made_and_paid_in_credits(caller, worker, wire):
    response = ask(caller, wire, Accept="application/json")

    assert response.status_code == 200, response.content
    job = Job.objects.get()
    assert (job.status, job.api_key) == (Status.SUCCEEDED, caller.key)
    assert job.charged_credits == job.credits > 0
    assert job.generation_request.prompt == ("" if "variations" in wire[0] else "a tree")
    assert_books_balance()


@pytest.mark.parametrize("address", READING)
def test_what_programs_ask_when_they_start_is_there(caller, address):
    response = caller.get(address)

    assert response.status_code == 200
    assert response.json() is not None


def test_openais_answer_has_all_that_their_types_want(caller, worker):
    answer = ask(caller, OPENAI).json()

    assert PIL.Image.open(io.BytesIO(base64.b64decode(answer["data"][0]["b64_json"])))
    assert answer["usage"]["input_tokens_details"] == {"image_tokens": 0, "text_tokens": 0}
    assert (answer["size"], answer["output_format"]) == ("128x128", "png")


def test_openais_extras_reach_the_request(caller, worker):
    address, body, _is_form = OPENAI
    extras = {"negative_prompt": "people", "guidance_scale": 2.5, "n": 2, "user": "u", "style": "x"}

    caller.post(address, {**body, **extras})

    request = Job.objects.get().generation_request
    assert (request.negative_prompt, request.guidance_scale, request.num_images, request.seed) == (
        "people",
        2.5,
        2,
        7,
    )


def test_a_transparent_part_of_an_image_is_its_mask(caller, worker):
    holed = PIL.Image.new("RGBA", (128, 128), (255, 0, 0, 255))
    holed.paste((0, 0, 0, 0), (0, 0, 64, 128))
    buffer = io.BytesIO()
    holed.save(buffer, "PNG")

    caller.send("/v1/images/edits", {"prompt": "a tree", "image[]": file(buffer.getvalue())})

    assert Job.objects.get().generation_request.mode == "inpaint"


def test_an_sdks_retry_of_the_same_body_joins_the_job(caller, worker):
    first = ask(caller, OPENAI)

    again = ask(caller, OPENAI, **{"X-Stainless-Retry-Count": "1"})

    assert first.json()["data"] == again.json()["data"]
    assert Job.objects.count() == 1


def test_the_same_wish_without_a_retry_is_another_picture(caller, worker):
    ask(caller, OPENAI)
    ask(caller, OPENAI)

    assert Job.objects.count() == 2


def test_a_retry_of_another_program_joins_nothing(caller, anothers, worker):
    ask(caller, OPENAI)
    ask(anothers, OPENAI, **{"X-Stainless-Retry-Count": "1"})

    assert Job.objects.count() == 2


def test_automatic1111s_info_is_what_its_clients_read(caller, worker):
    answer = ask(caller, TXT2IMG).json()

    info = json.loads(answer["info"])
    assert info["seed"] == Job.objects.get().generation_request.seed
    assert "Steps: 30" in info["infotexts"][0]
    assert (answer["parameters"]["eta"], len(answer["images"])) == (0, 1)


def test_automatic1111_asks_for_a_sampler_by_its_name(caller, worker):
    address, body, _is_form = TXT2IMG

    caller.post(address, {**body, "sampler_name": "DPM++ 2M", "scheduler": "Karras"})

    assert Job.objects.get().generation_request.noise_scheduler == "dpmpp_2m_karras"


def test_automatic1111s_options_are_kept_for_each_key(client, caller, buyer):
    another = Caller(client, buyer)
    chosen = caller.get("/sdapi/v1/sd-models").json()[0]["title"]

    caller.post("/sdapi/v1/options", {"sd_model_checkpoint": chosen, "mine": 1, "odd": [1]})

    assert caller.get("/sdapi/v1/options").json()["mine"] == 1
    assert "odd" not in caller.get("/sdapi/v1/options").json()
    assert "mine" not in another.get("/sdapi/v1/options").json()


def run(job):
    claimed = jobs.claim(worker="machine:1")
    assert claimed == job
    seq = messages.seq_of(claimed) + 1
    latest.keep_progress([Progress(job=str(job.pk), seq=seq, phase="denoising", step=15, steps=30)])
    latest.keep_previews({job.pk: (seq, b"jpeg")})


def test_progress_and_interrupt_concern_the_keys_own_jobs_alone(caller, anothers):
    job = Job.objects.get(
        pk=caller.post("/api/v1/jobs", {"prompt": "a", "num_inference_steps": 30}).json()["id"]
    )
    run(job)

    mine = caller.get("/sdapi/v1/progress").json()
    theirs = anothers.get("/sdapi/v1/progress").json()
    anothers.post("/sdapi/v1/interrupt")

    assert (mine["progress"], mine["state"]["sampling_step"]) == (0.5, 15)
    assert base64.b64decode(mine["current_image"]) == b"jpeg"
    assert (theirs["progress"], theirs["state"]["job_count"]) == (0.0, 0)
    job.refresh_from_db()
    assert not job.cancel_requested
    caller.post("/sdapi/v1/interrupt")
    job.refresh_from_db()
    assert job.cancel_requested


def test_png_info_reads_what_a_picture_says(caller):
    info = PIL.PngImagePlugin.PngInfo()
    info.add_text("parameters", "a tree\nSteps: 9, Seed: 3")
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=info)

    answer = caller.post("/sdapi/v1/png-info", {"image": text(buffer.getvalue())}).json()

    assert answer["info"].startswith("a tree")
    assert answer["parameters"]["seed"] == 3


def test_stability_sends_a_file_to_who_accepts_one(caller, worker):
    response = ask(caller, CORE, Accept="image/*")

    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["finish-reason"] == "SUCCESS"


def test_stabilitys_shape_is_one_that_the_checkpoint_draws(caller, worker):
    caller.send(CORE[0], {"prompt": "a tree", "aspect_ratio": "16:9"})

    request = Job.objects.get().generation_request
    assert request.width > request.height


def test_a_result_is_asked_for_until_it_is_there(caller, anothers):
    job = caller.post("/api/v1/jobs", {"prompt": "a"}).json()["id"]

    waiting = caller.get(f"/v2beta/results/{job}")
    claimed = jobs.claim(worker="machine:1")
    make_image(claimed)
    jobs.finish(claimed, [], CHARGES)

    assert (waiting.status_code, waiting.json()["status"]) == (202, "in-progress")
    assert caller.get(f"/v2beta/results/{job}").headers["Content-Type"] == "image/png"
    assert anothers.get(f"/v2beta/results/{job}").status_code == 404
    assert caller.get("/v2beta/results/nothing").status_code == 404


# No key, wrong method, wrong address ---------------------------------------------------------------


@pytest.mark.parametrize("wire", MAKING, ids=IDS)
def test_without_a_key_nothing_is_made(client, wire):
    address, body, is_form = wire
    response = (
        client.post(address, body())
        if is_form
        else client.post(address, body, content_type="application/json")
    )

    assert response.status_code == 401
    assert message_of(response)


@pytest.mark.parametrize("address", READING)
def test_without_a_key_nothing_is_shown(client, address):
    assert client.get(address).status_code == 401


def test_basic_auth_has_the_key_as_password(client, caller):
    basic = base64.b64encode(f"anybody:{caller.secret}".encode()).decode()

    response = client.get("/sdapi/v1/options", headers={"Authorization": f"Basic {basic}"})

    assert response.status_code == 200


def test_a_key_in_the_address_never_reaches_a_log(client, caller, caplog):
    assert client.get(f"/a1111/{caller.secret}/sdapi/v1/options").status_code == 200
    client.get(f"/a1111/{caller.secret}/sdapi/v1/nothing")

    assert caller.secret not in caplog.text
    assert set(caller.key.calls.values_list("path", flat=True)) == {"/sdapi/v1/options"}


@pytest.mark.parametrize("address", [*IDS, *READING])
def test_another_method_is_refused(caller, address):
    response = caller._client.patch(address, headers=caller.headers)

    assert response.status_code == 405
    assert message_of(response)


@pytest.mark.parametrize("address", ["/v1/nothing", "/sdapi/v1/nothing", "/v2beta/nothing"])
def test_what_is_not_there_is_said_in_the_wires_words(caller, address):
    assert caller.get(address).status_code == 404
    assert message_of(caller.get(address))


# No balance, bad input -----------------------------------------------------------------------------


@pytest.mark.parametrize("wire", MAKING, ids=IDS)
def test_without_credits_nothing_is_made(client, charlie, wire):
    response = ask(Caller(client, charlie), wire)

    assert response.status_code == (429 if wire[0].startswith("/v1/images") else 402)
    assert message_of(response)
    assert not Job.objects.exists()


def test_openais_sdk_is_told_not_to_try_again_without_credits(client, charlie):
    response = ask(Caller(client, charlie), OPENAI)

    assert response.json()["error"]["code"] == "insufficient_quota"
    assert response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"size": "7x7"}, "size"),
        ({"size": "9999999x9999999"}, "size"),
        ({"size": "large"}, "size"),
        ({"size": ["1x1"]}, "size"),
        ({"n": 0}, "n"),
        ({"n": 11}, "n"),
        ({"n": "many"}, "n"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"guidance_scale": float("nan")}, "guidance_scale"),
        ({"seed": -5}, "seed"),
        ({"num_inference_steps": 10**400}, "num_inference_steps"),
        ({"output_format": "gif"}, "output_format"),
        ({"response_format": "gif"}, "response_format"),
        ({"partial_images": 9}, "partial_images"),
        ({"output_compression": -1}, "output_compression"),
    ],
)
def test_openai_names_what_is_wrong(caller, changes, param):
    address, body, _is_form = OPENAI

    response = caller.post(address, {**body, **changes})

    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, param)
    assert error["type"] == "invalid_request_error"
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 7},
        {"steps": -1},
        {"cfg_scale": float("nan")},
        {"batch_size": 100},
        {"batch_size": -1, "n_iter": -1},
        {"prompt": None},
        {"seed": "x"},
    ],
)
def test_automatic1111_names_what_is_wrong(caller, changes):
    address, body, _is_form = TXT2IMG

    response = caller.post(address, {**body, **changes})

    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"][0] == "body"
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("address", "body"),
    [
        (OPENAI[0], {**OPENAI[1], "model": "unknown"}),
        (TXT2IMG[0], {**TXT2IMG[1], "override_settings": {"sd_model_checkpoint": "unknown"}}),
        ("/v1/generation/unknown/text-to-image", V1[1]),
    ],
)
def test_an_unknown_checkpoint_is_refused(caller, address, body):
    response = caller.post(address, body)

    assert response.status_code in {400, 404, 422}
    assert message_of(response)
    assert not Job.objects.exists()


@pytest.mark.parametrize("model", ["dall-e-3", "gpt-image-1", ""])
def test_names_that_programs_have_built_in_are_the_default(caller, worker, model):
    address, body, _is_form = OPENAI

    assert caller.post(address, {**body, "model": model}).status_code == 200


@pytest.mark.parametrize("init_images", [None, [], ["%%%"], [7], "aGVsbG8=", [text(b"hello")]])
def test_automatic1111_wants_a_picture_to_change(caller, init_images):
    response = caller.post("/sdapi/v1/img2img", {"prompt": "a", "init_images": init_images})

    assert response.status_code in {404, 422}
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"prompt": "a", "aspect_ratio": "7:7"},
        {"prompt": "a", "output_format": "gif"},
        {"prompt": "a", "seed": "x"},
        {"prompt": "a", "mode": "image-to-image"},
        {"prompt": "a", "cfg_scale": "NaN"},
    ],
)
def test_stability_names_what_is_wrong(caller, fields):
    response = caller.send("/v2beta/stable-image/generate/sd3", fields)

    assert (response.status_code, response.json()["name"]) == (400, "bad_request")
    assert not Job.objects.exists()


@pytest.mark.parametrize("prompts", [None, [], "a", [7], [{"text": 7}], [{"weight": "x"}]])
def test_stabilitys_first_wire_wants_texts(caller, prompts):
    response = caller.post(V1[0], {"text_prompts": prompts})

    assert (response.status_code, response.json()["name"]) == (400, "bad_request")


@pytest.mark.parametrize("wire", [EDIT, SD3, V1_IMAGE], ids=lambda wire: wire[0])
@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_picture_is_refused(caller, wire, content):
    address, body, _is_form = wire
    fields = {
        name: file(content) if isinstance(value, SimpleUploadedFile) else value
        for name, value in body().items()
    }

    response = caller.send(address, fields)

    assert response.status_code == 400
    assert not Job.objects.exists()


@pytest.mark.parametrize("wire", MAKING, ids=IDS)
def test_a_hundred_megabytes_are_not_even_read(caller, wire):
    response = caller._client.post(
        wire[0],
        b"x",
        content_type="application/octet-stream",
        headers=caller.headers,
        CONTENT_LENGTH=str(100 * 2**20),
    )

    assert response.status_code == 413
    assert message_of(response)


@pytest.mark.parametrize("wire", [OPENAI, TXT2IMG, V1], ids=lambda wire: wire[0])
@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff"])
def test_what_is_no_json_object_is_refused(caller, wire, body):
    response = caller._client.post(
        wire[0], body, content_type="application/json", headers=caller.headers
    )

    assert response.status_code in {400, 422}
    assert message_of(response)


def test_a_picture_that_was_held_back_is_said_to_be_so(caller, monkeypatch):
    async def until_ended(job, **options):
        def fail():
            jobs.fail(jobs.claim(worker="machine:1"), code="blocked", message="Held back.")
            return Job.objects.get()

        return await wait.in_thread(fail)()

    monkeypatch.setattr(wait, "until_ended", until_ended)

    openai, stability = ask(caller, OPENAI), None

    assert (openai.status_code, openai.json()["error"]["code"]) == (400, "moderation_blocked")
    Job.objects.all().delete()
    stability = ask(caller, CORE)
    assert (stability.status_code, stability.json()["name"]) == (403, "content_moderation")
    assert Job.objects.get().charged_credits == 0
