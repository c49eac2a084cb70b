"""Pages and fragments of one job, and the strip that follows the active ones."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import user_of
from billing.form_redirects import allow_provider_redirects
from generation import jobs
from generation.images import sources
from generation.jobs import receipt_view
from generation.live import snapshot
from generation.models import Job


@login_required
@require_safe
@never_cache
@allow_provider_redirects
def job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    job = get_job_for_user(request, job_id)
    context = {
        "job": job,
        "state": snapshot.job_state(job),
        "statement": receipt_view.build(job),
        "sources": sources.find(job.user, sources.named(job.generation_request)),
    }
    return render(request, "generation/job.html", context)


@login_required
@require_safe
@never_cache
def job_card(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Fragment with one job, fetched after a websocket message."""
    job = get_job_for_user(request, job_id)
    return render(request, "generation/_job.html", {"job": job, "state": snapshot.job_state(job)})


@login_required
@require_safe
@never_cache
def job_receipt(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The receipt as JSON, as `receipt_view` builds it."""
    job = get_job_for_user(request, job_id)
    return JsonResponse(receipt_view.build(job).to_dict())


@login_required
@require_POST
def job_cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    job = get_job_for_user(request, job_id)
    jobs.cancel(job)
    return redirect(job)


@login_required
@require_safe
@never_cache
def jobs_active(request: HttpRequest) -> HttpResponse:
    """The websocket's initial snapshot, for browsers without a websocket."""
    return JsonResponse(snapshot.user_state(user_of(request)))


@login_required
@require_safe
@never_cache
def jobs_strip(request: HttpRequest) -> HttpResponse:
    return render(request, "generation/_strip.html")


def get_job_for_user(request: HttpRequest, job_id: UUID) -> Job:
    """Raises Http404 for a job of another user."""
    return get_object_or_404(Job.objects.for_user(user_of(request)), pk=job_id)
