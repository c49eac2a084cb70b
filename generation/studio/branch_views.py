"""Pictures that go on from a kept step of another one: branches, and drafts that are finished."""

from collections.abc import Callable
from functools import partial
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

from accounts.models import User
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
        wanted = form.generation_request
        try:
            return _to_studio(_submit_once(user, form, wanted, of=image.job))
        except submitting.Refused:
            # The form says why.
            pass
    return render(request, "generation/branch.html", {**context, "form": form})


@login_required
@require_POST
@limited("submit")
def finish_draft(request: HttpRequest, state_id: UUID) -> HttpResponse:
    """Submit the rest of a draft, or say on its job's page why not."""
    draft = _get_draft(request, state_id)
    return _go_on(request, draft.job, lambda: kept_states.branch(draft), refused=draft.job)


def repeat(request: HttpRequest, failed: Job) -> HttpResponse:
    """Submit a failed branch or job of drafts again, or say on its page why not."""
    of = failed.branched_from or failed
    wanted = partial(GenerationRequest.from_dict, failed.request)
    return _go_on(request, of, wanted, refused=failed)


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


def _go_on(
    request: HttpRequest, of: Job, wanted: Callable[[], GenerationRequest], *, refused: Job
) -> HttpResponse:
    """Queue what comes of a job and lead to it, or say on the page of the job `refused` why not."""
    form = forms.Form({})
    form.full_clean()
    try:
        return _to_studio(_submit_once(user_of(request), form, wanted(), of=of))
    except InvalidRequest as error:
        reasons = [translated(message) for message in error.errors.values()]
    except submitting.Refused:
        reasons = [str(error) for error in form.non_field_errors()]
    for reason in reasons:
        messages.error(request, reason)
    return redirect(refused)


def _submit_once(user: User, form: forms.Form, wanted: GenerationRequest, *, of: Job) -> Job:
    """The job of this request that goes on from `of`; a second click gets the first one's. Raises Refused."""
    with transaction.atomic():
        # Of two clicks, the second one waits here.
        # The job has ended, so nobody who waits for it has the wallet.
        Job.objects.select_for_update(no_key=True).get(pk=of.pk)
        if known := _known(wanted, of=of):
            return known
        refused = None
        try:
            return _submit(user, form, wanted, of=of)
        except submitting.Refused as refusal:
            # Raised below: what was noted of it stays.
            refused = refusal
    raise refused


def _submit(user: User, form: forms.Form, wanted: GenerationRequest, *, of: Job) -> Job:
    # Too little left is said at once: nobody chooses a draft in order to wait.
    may_wait = not _finishes_draft(wanted, of=of) or plan_of(user).when_empty == WhenEmpty.RELAX
    synthetic_for = of.synthetic_for
    return submitting.submit(user, form, wanted, may_wait=may_wait, synthetic_for=synthetic_for)


def _known(wanted: GenerationRequest, *, of: Job) -> Job | None:
    """The job that makes this already. A draft is finished once; all else may be repeated later."""
    same = Job.objects.filter(user=of.user_id, request=wanted.to_dict())
    if _finishes_draft(wanted, of=of):
        return same.filter(branched_from=of).in_progress_or_done().first()
    return same.unfinished().first()


def _finishes_draft(wanted: GenerationRequest, *, of: Job) -> bool:
    return bool(wanted.origin and of.generation_request.draft_steps)


def _to_studio(job: Job) -> HttpResponse:
    return redirect(f"{reverse('studio')}?job={job.pk}")
