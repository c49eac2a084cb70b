"""Fills a running site with users and their data, and prints as JSON how to view it.

`python -m tests.showing` runs it. It prints `cookie`, the name of the session's cookie; `sessions`, its value
for each audience; and `arguments`, the values for arguments of URLs: by the argument's name, or by route and name.
"""

import time
from datetime import timedelta
from io import BytesIO

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.utils import timezone
from PIL import Image as PillowImage

from accounts import keys
from accounts.keys import Limits
from billing import checkouts
from billing.models import Interval, Payment, SandboxObject
from billing.plans import PLANS
from billing.providers.protocol import Urls
from generation import jobs
from generation.engine.checkpoints import catalogue
from generation.engine.failures import MESSAGES, FailureCode
from generation.engine.request import drafts
from generation.gallery import boards, shares
from generation.images import uploads
from generation.live import latest, messages
from generation.live.messages import Progress
from generation.models import Image, Job, KeptState, Status
from generation.models.api import Call, Delivery, KeyDay
from generation.options import example_images
from generation.studio import history
from tests import factories
from tests.generation.api.callers import buy_credits
from tests.generation.rows import charge_by_key, make_job, make_request

WORDS = (
    "a red house in the snow at night under the stars",
    "a white boat by the sea at sunset",
    "a yellow balloon over a green field with a rainbow",
    "two blue cars in the city at night under the moon",
    "three green trees in the desert at sunset",
    "a purple cat on the beach with mountains behind",
    "在草地上，一个黄色的热气球，天上有彩虹",
    "a green tree in front of mountains, cloudy",
)
FAILED = "three red houses in the snow at night under a rainbow and the moon"
QUEUED = "two purple balloons in a field under a rainbow"
PATIENCE_SECONDS = 180
ROUNDS = 5


def fill():
    member = factories.make_user("member@example.com")
    factories.subscribe(member)
    newcomer = factories.make_user("newcomer@example.com")
    operator = factories.make_user("operator@example.com", is_staff=True, is_superuser=True)
    image = _draw(member)
    _fail(member)
    draft = _try_drafts(member)
    running = _make_running(member)
    _make_queued(member)
    people = {"member": member, "newcomer": newcomer, "operator": operator}
    return {
        "cookie": settings.SESSION_COOKIE_NAME,
        "sessions": {name: factories.session_of(user) for name, user in people.items()},
        "arguments": {
            "job_id": str(image.job_id),
            "image_id": str(image.pk),
            "running_id": str(running.pk),
            "state_id": str(draft.pk),
            "drafts_id": str(draft.job_id),
            "preset_id": "posts",
            "checkpoint_id": "sketchbook",
            "plan_id": "standard",
            "interval": "month",
            "product_id": "minutes-100",
            "checkout_id": _checkout(newcomer),
            **_payment(member),
            **_own(member, image),
            **_api(member, image),
            **_keys(member),
        },
    }


def _draw(user):
    """Make real images with the site's own worker; returns the first."""
    waiting = [
        make_request(prompt=prompt, seed=number, **_native()) for number, prompt in enumerate(WORDS)
    ]
    for _round in range(ROUNDS):
        waiting = _failed_of(user, waiting)
    assert not waiting, "the worker does not draw; what does its log say?"
    return Image.objects.for_user(user).order_by("created_at").first()


def _try_drafts(user):
    """Make real drafts with the site's own worker; returns the first."""
    wanted = drafts.drafts_of(make_request(prompt=WORDS[0], seed=1, **_native()))
    for _round in range(ROUNDS):
        if not _failed_of(user, [wanted]):
            return KeptState.objects.for_user(user).drafts().order_by("index").first()
    raise AssertionError("the worker makes no drafts; what does its log say?")


def _failed_of(user, requests):
    """Run the requests as jobs; returns those that failed, as the first ones may on a slow machine."""
    for request in requests:
        jobs.submit(user, request)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while Job.objects.for_user(user).active().exists():
        assert time.monotonic() < deadline, "the worker does not finish; what does its log say?"
        time.sleep(0.2)
    failed = Job.objects.for_user(user).filter(status=Status.FAILED)
    requests = [job.generation_request for job in failed]
    failed.delete()
    return requests


def _native():
    """The bundled checkpoint's native size, steps and guidance."""
    checkpoint = catalogue.get("sketchbook")
    return {
        "width": checkpoint.native_size,
        "height": checkpoint.native_size,
        "num_inference_steps": checkpoint.num_inference_steps,
        "guidance_scale": checkpoint.guidance_scale,
    }


def _fail(user):
    job = make_job(user, status=Status.FAILED, request=make_request(prompt=FAILED, **_native()))
    code = FailureCode.OUT_OF_MEMORY
    Job.objects.filter(pk=job.pk).update(error_code=code, error=MESSAGES[code], charged_ms=0)


def _make_running(user):
    """A half-finished job with a preview, on a worker that never finishes."""
    hung = example_images.read()
    shown = hung.picture(hung.making.picture)
    request = make_request(prompt=shown.prompts["en"], **_native())
    job = make_job(user, status=Status.RUNNING, request=request)
    now = timezone.now()
    Job.objects.filter(pk=job.pk).update(
        attempt=1,
        worker="elsewhere",
        started_at=now,
        lease_expires_at=now + timedelta(days=1),
        hold_ms=60_000,
    )
    job.refresh_from_db()
    seq, step = messages.seq_of(job) + 1, hung.making.previews[-1]
    with PillowImage.open(
        example_images.FOLDER / example_images.preview_name(hung.making.previews[-1])
    ) as preview:
        jpeg = BytesIO()
        preview.convert("RGB").save(jpeg, "JPEG")
    latest.keep_progress(
        [
            Progress(
                job=str(job.pk), seq=seq, phase="denoising", step=step, steps=request.evaluations
            )
        ]
    )
    latest.keep_previews({job.pk: (seq, jpeg.getvalue())})
    return job


def _make_queued(user):
    """A job that waits for the running one."""
    make_job(user, status=Status.QUEUED, request=make_request(prompt=QUEUED, **_native()))


def _api(user, image):
    """A used API key, with a job and its webhook."""
    key, _secret = keys.make(user, name="Shop", limits=Limits(budget=100_000))
    keys.note_use(key)
    today = image.created_at.date()
    KeyDay.objects.create(api_key=key, day=today, spent=1_250)
    buy_credits(user)
    request = make_request(prompt=WORDS[0], **_native())
    charge_by_key(key, amount=1_250, at=image.created_at, request=request)
    for path, status, code in (
        ("/v1/images/generations", 200, ""),
        ("/api/v1/jobs", 402, "budget_exceeded"),
    ):
        Call.objects.create(
            api_key=key, method="POST", path=path, status=status, code=code, ms=840, job=image.job
        )
    delivery = Delivery.objects.create(
        api_key=key,
        job=image.job,
        url="https://shop.example.com/pictures",
        event="job.succeeded",
        answer=503,
        attempts=3,
    )
    return {
        "key_id": str(key.pk),
        "delivery_id": str(delivery.pk),
        "picture_id": str(image.pk),
        "model_id": "sketchbook",
        "engine_id": "sketchbook",
        "result_id": str(image.job_id),
        "stability_generate.service": "core",
        "stability_upscale.service": "fast",
    }


def _checkout(user):
    urls = Urls(success="/", cancel="/plans/")
    checkouts.subscribe(user, PLANS["standard"], Interval.MONTH, urls=urls)
    return SandboxObject.objects.filter(type="checkout.session").latest("created_at").pk


def _payment(user):
    payment = Payment.objects.filter(user=user).latest("created_at")
    return {"payment_id": str(payment.pk), "invoice_id": payment.invoice_id}


def _own(user, image):
    """A user's rows other than images and jobs."""
    board = boards.make(user, name="Houses")
    boards.add(board, [image.pk])
    preset = history.keep_preset(user, "My landscapes", {"prompt": "a red house"})
    share = shares.make(image, shows_prompt=True)
    return {
        "board_id": str(board.pk),
        "delete_preset.preset_id": str(preset.pk),
        "share_id": str(share.pk),
        "token": share.token,
        "digest": uploads.from_image(user, image).digest,
        # Values for routes that are no pages.
        "export_id": str(image.pk),
        "session_id": "1",
        "pk": "1",
        "provider_id": "oidc",
    }


def _keys(user):
    """The keys in links of emails."""
    unverified = EmailAddress.objects.create(user=user, email="another@example.com")
    return {
        "account_confirm_email.key": EmailConfirmationHMAC(unverified).key,
        "account_reset_password_from_key.uidb36": user_pk_to_url_str(user),
        "account_reset_password_from_key.key": default_token_generator.make_token(user),
    }
