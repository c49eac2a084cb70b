"""The studio: its form, its prefilled values, the quote for its settings."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import body_sizes
from accounts.rate_limits import limited
from accounts.requests import user_of
from billing.form_redirects import allow_provider_redirects
from billing.plans import plan_of
from generation import jobs
from generation.engine.checkpoints.example_prompts import EXAMPLES, follows_prompts
from generation.engine.enums import PICTURES
from generation.engine.request import MAX_DRAFTS, GenerationRequest, InvalidRequest, drafts
from generation.images import uploads
from generation.jobs import admission
from generation.live import snapshot
from generation.models import Image, Job, Status, StudioPreset
from generation.options import on_offer
from generation.queue import estimates, stores
from generation.studio import branch_views, initial_values, prefill, submitting
from generation.studio.forms import GenerationForm
from generation.studio.job_views import get_job_for_user
from generation.studio.prices import in_words

if TYPE_CHECKING:
    from accounts.models import User

RECENT = 12
# The name of the button that asks for drafts.
DRAFT = "draft"


@body_sizes.accepts(len(PICTURES) * uploads.MAX_BYTES + body_sizes.BESIDE_FILES)
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@allow_provider_redirects
@limited("submit")
def studio(request: HttpRequest) -> HttpResponse:
    """Prefill the form by the query.

    ?job=ID and ?image=ID repeat a job's settings, an image's seed included. ?own=ID applies one of
    the user's presets. ?from=ID&mode=MODE starts from one of the user's images. ?prompt= and
    ?preset=ID, or a prompt typed before sign-up, start something new.
    """
    user = user_of(request)
    if request.method != "POST":
        return _render_studio(
            request, GenerationForm(initial=initial_values.of_request(request), user=user)
        )
    posted, refused = uploads.receive_all(user, request.POST, request.FILES)
    form = GenerationForm(posted, user=user)
    for name, reason in refused.items():
        form.add_error(name, reason)
    return _submit(request, form)


@login_required
@require_POST
@never_cache
@allow_provider_redirects
@limited("submit")
def retry(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Submit a failed job again; the studio shows what is wrong with its settings by now."""
    failed = get_job_for_user(request, job_id)
    if failed.status != Status.FAILED:
        return redirect(failed)
    wanted = failed.generation_request
    if wanted.origin or wanted.draft_steps:
        return branch_views.repeat(request, failed)
    return _submit(request, GenerationForm(initial_values.repeated(failed), user=user_of(request)))


@login_required
@require_safe
@never_cache
def quote(request: HttpRequest) -> HttpResponse:
    """Price of the settings in the query; browsers leave the prompt out, as it has no price."""
    user = user_of(request)
    form = GenerationForm({**request.GET.dict(), "prompt": "-"}, user=user)
    return JsonResponse(_quote(user, form))


def _submit(request: HttpRequest, form: GenerationForm) -> HttpResponse:
    """Queue the form's job and lead to it, or show the form with what is wrong."""
    if not form.is_valid():
        return _render_studio(request, form)
    wanted = form.generation_request
    try:
        if DRAFT in request.POST:
            wanted = drafts.drafts_of(wanted)
        job = submitting.submit(
            user_of(request), form, wanted, synthetic_for=form.cleaned_data["synthetic_for"]
        )
    except InvalidRequest as error:
        form.explain(error)
    except submitting.Refused:
        pass
    else:
        prefill.forget(request)
        keep = "&keep_seed=1" if form.cleaned_data["keep_seed"] else ""
        return redirect(f"{reverse('studio')}?job={job.pk}{keep}")
    return _render_studio(request, form)


def _render_studio(request: HttpRequest, form: GenerationForm) -> HttpResponse:
    user = user_of(request)
    jobs_of_user = Job.objects.for_user(user)
    job_id = initial_values.uuid_in(request.GET.get("job", ""))
    latest = jobs_of_user.order_by("-created_at", "-id")
    shown = jobs_of_user.filter(pk=job_id).first() if job_id else latest.first()
    recent = Image.objects.for_user(user).kept().defer("terms")
    models = [model for model in on_offer.models() if model.is_offered]
    context = {
        "form": form,
        "quote": _quote(user, form),
        "models": models,
        "unserved": stores.everywhere_missing(
            (model.checkpoint.id for model in models), stores.alive_if_known()
        ),
        "uses": on_offer.uses(),
        "follows_prompts": follows_prompts(),
        "own_presets": StudioPreset.objects.filter(user=user),
        "plan": plan_of(user),
        "examples": _examples(),
        "drafts": MAX_DRAFTS,
        "left_out": initial_values.left_out(request),
        "job": shown,
        "state": snapshot.job_state(shown) if shown else None,
        "recent": recent.order_by("-created_at", "-id")[:RECENT],
    }
    return render(request, "generation/studio.html", context)


def _quote(user: "User", form: GenerationForm) -> dict[str, Any]:
    """Price and size of the form's settings, or errors by field. Ignores the prompt."""
    values = {name: form[name].value() for name in form.fields}
    settings = GenerationForm({**values, "prompt": "-"}, user=user)
    if not settings.is_valid():
        return {"errors": settings.errors, "text": "", "drafts": "", "size": ""}
    generation_request = settings.generation_request
    try:
        admission.require_size(generation_request, plan_of(user))
    except jobs.OverPlanLimit as limit:
        return {"errors": {"shape": [str(limit)]}, "text": "", "drafts": "", "size": ""}
    return {
        "errors": {},
        "text": in_words(estimates.quote(generation_request)),
        "drafts": _quote_of_drafts(generation_request),
        "size": f"{generation_request.width} × {generation_request.height}",
    }


def _quote_of_drafts(request: GenerationRequest) -> str:
    """Both prices: of the drafts, and of finishing one. Empty if the settings allow no drafts."""
    try:
        wanted = drafts.drafts_of(request)
    except InvalidRequest:
        return ""
    return _("%(drafts)s. To finish one: %(rest)s") % {
        "drafts": in_words(estimates.quote(wanted)),
        "rest": in_words(estimates.quote(drafts.rest_of(wanted))),
    }


def _examples() -> tuple[str, ...]:
    return EXAMPLES["zh" if (get_language() or "").startswith("zh") else "en"]
