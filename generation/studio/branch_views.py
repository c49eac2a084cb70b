"""Pictures that go on from a kept step of another one: branches, and drafts that are finished."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.rate_limits import limited
from accounts.requests import user_of
from billing.plans import WhenEmpty, plan_of
from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.engine.request import GenerationRequest, InvalidRequest
from generation.images import kept_states, storage
from generation.models import Image, Job, KeptState
from generation.options.engine_messages import translated
from generation.studio import submitting
from generation.studio.branch_forms import BranchForm


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@limited("submit")
def branch(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """generation/branch.html: go on from a step of a picture, with other words or guidance."""
    user = user_of(request)
    images = Image.objects.for_user(user).kept().select_related("job").defer("terms")
    image = get_object_or_404(images, pk=image_id)
    states = kept_states.of_image(image)
    context = {"image": image, "generation_request": image.job.generation_request}
    if not states or image.checkpoint not in CHECKPOINTS:
        return render(request, "generation/branch.html", context)
    form = BranchForm(request.POST if request.method == "POST" else None, states=states)
    if form.is_valid():
        try:
            job = submitting.submit(
                user, form, form.generation_request, synthetic_for=image.job.synthetic_for
            )
        except submitting.Refused:
            pass
        else:
            return _to_studio(job)
    return render(request, "generation/branch.html", {**context, "form": form})


@login_required
@require_POST
@limited("submit")
def finish_draft(request: HttpRequest, state_id: UUID) -> HttpResponse:
    """Submit the rest of a draft, or say on its job's page why not. A second call leads to the first one's job."""
    draft = _get_draft(request, state_id)
    try:
        wanted = kept_states.branch(draft)
    except InvalidRequest as error:
        return _refuse(request, error, of=draft.job)
    # Too little left is said at once: nobody chooses a draft in order to wait.
    may_wait = plan_of(user_of(request)).when_empty == WhenEmpty.RELAX
    with transaction.atomic():
        # Of two clicks, the second one waits here.
        KeptState.objects.select_for_update().filter(pk=draft.pk).first()
        branches = draft.job.branches.in_progress_or_done()
        if chosen := branches.filter(request__origin=draft.digest).first():
            return _to_studio(chosen)
        return _submit(request, wanted, of=draft.job, may_wait=may_wait)


def repeat(request: HttpRequest, failed: Job) -> HttpResponse:
    """Submit a failed branch or job of drafts again, or say on its page why not."""
    try:
        wanted = GenerationRequest.from_dict(failed.request)
    except InvalidRequest as error:
        return _refuse(request, error, of=failed)
    return _submit(request, wanted, of=failed, may_wait=True)


@login_required
@require_safe
def draft_preview(request: HttpRequest, state_id: UUID) -> HttpResponse:
    state = _get_draft(request, state_id)
    try:
        content = storage.read(state.preview)
    except FileNotFoundError as error:
        raise Http404 from error
    response = HttpResponse(content, content_type="image/webp")
    response["Cache-Control"] = storage.CACHE_CONTROL
    return response


def _get_draft(request: HttpRequest, state_id: UUID) -> KeptState:
    """Raises Http404 for a draft that has expired, or of another user."""
    drafts = KeptState.objects.for_user(user_of(request)).live().drafts()
    return get_object_or_404(drafts.select_related("job"), pk=state_id)


def _submit(
    request: HttpRequest, wanted: GenerationRequest, *, of: Job, may_wait: bool
) -> HttpResponse:
    """Queue what comes of a job and lead to it, or say on the job's page why not."""
    form = forms.Form({})
    form.full_clean()
    try:
        job = submitting.submit(
            user_of(request), form, wanted, may_wait=may_wait, synthetic_for=of.synthetic_for
        )
    except submitting.Refused:
        for error in form.non_field_errors():
            messages.error(request, str(error))
        return redirect(of)
    return _to_studio(job)


def _refuse(request: HttpRequest, error: InvalidRequest, *, of: Job) -> HttpResponse:
    """Say on a job's page what is wrong with its settings by now."""
    for message in error.errors.values():
        messages.error(request, translated(message))
    return redirect(of)


def _to_studio(job: Job) -> HttpResponse:
    return redirect(f"{reverse('studio')}?job={job.pk}")
