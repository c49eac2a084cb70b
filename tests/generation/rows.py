"""Rows of finished jobs and pictures, made without a worker."""

import hashlib
from datetime import UTC, datetime, timedelta
from io import BytesIO

import PIL.Image
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.models import ApiKey, User
from billing import ledger
from billing.models import Unit
from generation.engine.enums import NoiseScheduler
from generation.engine.request import GenerationRequest
from generation.images import search_terms, uploads
from generation.models import FINAL, Image, Job, KeptState, Status, Upload
from generation.models.receipts import Receipt, ReceiptLine

START = datetime(2026, 1, 1, tzinfo=UTC)
LINES = (
    ReceiptLine(phase="encode", ms=34, billed=True),
    ReceiptLine(phase="step", ms=600, billed=True, index=1),
    ReceiptLine(phase="step", ms=500, billed=True, index=2),
    ReceiptLine(phase="decode", ms=100, billed=True, index=1),
)


def make_request(**values: object) -> GenerationRequest:
    return GenerationRequest(
        **{
            "prompt": "a red house",
            "checkpoint": "sketchbook",
            "width": 64,
            "height": 64,
            "num_inference_steps": 2,
            "guidance_scale": 4.0,
            "noise_scheduler": NoiseScheduler.DDIM,
            "seed": 7,
            **values,
        }
    )


def make_job(
    user: User, *, status: Status = Status.SUCCEEDED, request: GenerationRequest | None = None
) -> Job:
    request = request or make_request()
    running = status is Status.RUNNING
    return Job.objects.create(
        user=user,
        status=status,
        request=request.to_dict(),
        checkpoint=request.checkpoint,
        quote_ms=2_000,
        hold_ms=3_000,
        queued_at=timezone.now(),
        lease_expires_at=timezone.now() + timedelta(minutes=1) if running else None,
        charged_ms=1_234 if status in FINAL else None,
        receipt=Receipt(LINES).to_dict() if status in FINAL else None,
    )


def make_upload(owner: User) -> Upload:
    """An uploaded picture."""
    return uploads.receive(owner, _encoded(PIL.Image.new("RGB", (64, 64), "red"), "PNG"))


def charge(
    user: User,
    *,
    ms: int,
    at: datetime,
    status: Status = Status.SUCCEEDED,
    request: GenerationRequest | None = None,
) -> Job:
    """A job that ended at that time, with its charge in the ledger."""
    job = make_job(user, status=status, request=request)
    return _charge(job, amount=ms, at=at, charged_ms=ms)


def charge_by_key(
    key: ApiKey, *, amount: int, at: datetime, request: GenerationRequest | None = None
) -> Job:
    """Like `charge`, for a job by API in the unit of its key."""
    job = make_job(key.user, request=request)
    job.api_key, job.unit = key, key.pays_in
    job.save()
    if job.pays_in_credits:
        return _charge(job, amount=amount, at=at, charged_ms=0, charged_credits=amount)
    return _charge(job, amount=amount, at=at, charged_ms=amount)


def _charge(job: Job, *, amount: int, at: datetime, **charged: int) -> Job:
    Job.objects.filter(pk=job.pk).update(created_at=at, finished_at=at, **charged)
    ledger.hold(job.user, unit=Unit(job.unit), amount=amount + 1, reference=job.hold_reference)
    ledger.capture(job.hold_reference, amount=amount, at=at)
    job.refresh_from_db()
    return job


def make_image(
    job: Job,
    *,
    index: int = 0,
    size: tuple[int, int] = (64, 64),
    created_at: datetime | None = None,
) -> Image:
    """A picture with its files, a second younger than the previous one."""
    picture = PIL.Image.new("RGB", size, "teal")
    stem = f"tests/{job.pk}-{index}"
    image = Image(
        job=job,
        user=job.user,
        index=index,
        seed=7,
        width=size[0],
        height=size[1],
        prompt=job.generation_request.prompt,
        checkpoint=job.checkpoint,
        file=default_storage.save(f"{stem}.png", _encoded(picture, "PNG")),
        thumbnail=default_storage.save(f"{stem}.webp", _encoded(picture, "WEBP")),
        bytes=100,
        created_at=created_at or START + timedelta(seconds=Image.objects.count() + 1),
    )
    image.terms = search_terms.of_image(image)
    image.save(force_insert=True)
    image.refresh_from_db()
    return image


def make_state(image: Image, *, step: int, index: int = 0) -> KeptState:
    """A kept state of a finished picture. Its bytes are no run."""
    return _make_state(image.job, step=step, index=index, image=image)


def make_draft(job: Job, *, index: int = 0) -> KeptState:
    """A draft of a job, with a preview. Its bytes are no run."""
    preview = _encoded(PIL.Image.new("RGB", (128, 128), "teal"), "WEBP")
    return _make_state(
        job,
        step=job.generation_request.draft_steps,
        index=index,
        preview=default_storage.save(f"tests/{job.pk}-{index}-draft.webp", preview),
    )


def _make_state(job: Job, *, step: int, index: int, **fields: object) -> KeptState:
    content = f"{job.pk} {index} {step}".encode()
    return KeptState.objects.create(
        user=job.user,
        job=job,
        index=index,
        step=step,
        digest=hashlib.sha256(content).hexdigest(),
        file=default_storage.save(f"tests/{job.pk}-{index}-{step}.state", ContentFile(content)),
        bytes=len(content),
        expires_at=timezone.now() + timedelta(days=1),
        **fields,
    )


def _encoded(picture: PIL.Image.Image, format: str) -> ContentFile:
    buffer = BytesIO()
    picture.save(buffer, format)
    return ContentFile(buffer.getvalue())
