"""The state of jobs as a page shows it, read from the rows, the queue and the latest progress."""

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from generation.engine.checkpoints import catalogue
from generation.engine.request import drafts
from generation.live import latest, messages
from generation.live.latest import Latest
from generation.live.messages import Progress
from generation.models import Job, Pause, Status
from generation.queue import estimates, fair_queue, stores, wait_reason
from generation.queue.wait_reason import WaitReason

if TYPE_CHECKING:
    from accounts.models import User


# Pauses after which another worker goes on.
MOVED = (Pause.WORKER_ENDED, Pause.WORKER_LOST)


def user_state(user: "User") -> dict[str, Any]:
    """A whole page's state: the user's unfinished jobs, and the minutes left."""
    unfinished = Job.objects.for_user(user).unfinished().order_by("created_at", "id")
    jobs = list(fair_queue.with_position(unfinished))
    known = latest.read(jobs)
    unserved = _unserved(jobs)
    return {
        "jobs": [_state(job, known, unserved, images=()) for job in jobs],
        **messages.minutes(user),
    }


def job_state(job: Job) -> dict[str, Any]:
    """One job's state, finished or not; `images` lacks those in the trash."""
    positioned = fair_queue.with_position(Job.objects.filter(pk=job.pk)).get()
    images = [
        {
            "id": str(image.pk),
            "page": image.get_absolute_url(),
            "url": reverse("image_file", args=[image.pk]),
        }
        for image in job.images.filter(deleted_at=None).order_by("index")
    ]
    jobs = [positioned]
    state = _state(positioned, latest.read(jobs), _unserved(jobs), images=images)
    return {**state, **_drafts(positioned), "chosen_from": _chosen_from(job)}


def _drafts(job: Job) -> dict[str, Any]:
    """The drafts of a finished job, each with the job that finishes it, and the price of finishing one."""
    request = job.generation_request
    is_known = request.checkpoint in catalogue.CHECKPOINTS
    if not request.draft_steps or job.status != Status.SUCCEEDED or not is_known:
        return {"is_draft": bool(request.draft_steps), "drafts": []}
    chosen = {branch.request["origin"]: branch for branch in job.branches.in_progress_or_done()}
    kept = job.kept_states.live().drafts().order_by("index")
    quote = estimates.quote(drafts.rest_of(request))
    return {
        "is_draft": True,
        "drafts": [
            {
                "number": state.index + 1,
                "preview": state.preview_url,
                "finish": reverse("finish_draft", args=[state.pk]),
                "job": branch.get_absolute_url() if (branch := chosen.get(state.digest)) else "",
            }
            for state in kept
        ],
        "drafts_expire_at": min((state.expires_at for state in kept), default=None),
        "rest_likely_ms": quote.likely_ms,
        "rest_ceiling_ms": quote.ceiling_ms,
    }


def _chosen_from(job: Job) -> str:
    """The page of the drafts of which this is one; empty for other jobs."""
    origin = job.branched_from
    return origin.get_absolute_url() if origin and origin.generation_request.draft_steps else ""


def _unserved(jobs: Iterable[Job]) -> frozenset[UUID]:
    """The queued jobs among these whose checkpoint no worker has."""
    queued = [job for job in jobs if job.status == Status.QUEUED]
    alive = stores.alive_if_known() if queued else []
    return frozenset(job.pk for job in queued if stores.nobody_has(job, alive))


def _state(
    job: Job,
    known: Latest,
    unserved: Collection[UUID],
    *,
    images: Iterable[Mapping[str, str]],
) -> dict[str, Any]:
    request = job.generation_request
    progress = _progress(job, known)
    # A paused job was billed what its last attempt was.
    billed = known.progress.get(str(job.pk)) if job.is_paused else progress
    return {
        "job": str(job.pk),
        "seq": progress.seq if progress else messages.seq_of(job),
        "status": job.status,
        "prompt": request.prompt,
        "width": request.width,
        "height": request.height,
        "phase": progress.phase if progress else "",
        "step": progress.step if progress else job.steps_made,
        "steps": request.evaluations,
        "position": getattr(job, "position", 1) if job.status == Status.QUEUED else None,
        "waits": _wait_reason(job, known, is_served=job.pk not in unserved),
        "jobs_at_once": job.jobs_at_once,
        "is_relaxed": job.is_relaxed,
        "elapsed_ms": _elapsed_ms(job),
        "billed_ms": billed.billed_ms if billed else 0,
        "is_paused": job.is_paused,
        "paused_step": job.paused_step,
        "paused_for": job.get_paused_for_display(),
        "continues_elsewhere": job.paused_for in MOVED,
        "free_ms": _free_ms(job, progress),
        "ceiling_ms": 0 if job.is_relaxed or job.pays_in_credits else job.hold_ms,
        "charged_ms": job.charged_ms,
        "credits": job.credits,
        "charged_credits": job.charged_credits,
        "error": _(job.error) if job.error else "",
        "can_retry": job.can_be_retried,
        "images": list(images),
        "url": job.get_absolute_url(),
        "cancel_url": reverse("job_cancel", args=[job.pk]),
    }


def _progress(job: Job, known: Latest) -> Progress | None:
    """The progress of the job's present attempt."""
    progress = known.progress.get(str(job.pk))
    is_of_an_earlier_attempt = progress and progress.seq < messages.seq_of(job)
    return None if is_of_an_earlier_attempt else progress


def _wait_reason(job: Job, known: Latest, *, is_served: bool) -> WaitReason | None:
    return wait_reason.of_job(
        job,
        position=getattr(job, "position", 1),
        beside=getattr(job, "beside", 0),
        is_warm=job.checkpoint in known.warm,
        is_served=is_served,
    )


def _free_ms(job: Job, progress: Progress | None) -> int:
    """The time of waiting and loading until now; a worker in mid-load reports nothing."""
    if progress is not None and progress.phase != "loading":
        return progress.free_ms
    return job.waited_ms + (_elapsed_ms(job) or 0 if progress else 0)


def _elapsed_ms(job: Job) -> int | None:
    if job.status != Status.RUNNING or job.started_at is None:
        return None
    return round((timezone.now() - job.started_at).total_seconds() * 1_000)
