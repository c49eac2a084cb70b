"""Initial values of the studio's form, by the query of its URL."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from accounts.requests import user_of
from generation.engine.enums import Mode
from generation.images import sources, uploads
from generation.images.read_settings import LEFT_OUT
from generation.models import Image, Job, StudioPreset
from generation.options import presets
from generation.options.build_request import SIDES, values_of
from generation.options.offered import offered
from generation.options.sizes import AS_PICTURE
from generation.studio import prefill, saved_defaults
from generation.studio.job_views import get_job_for_user

if TYPE_CHECKING:
    from accounts.models import User


def of_request(request: HttpRequest) -> dict[str, Any]:
    """Initial values for a GET of the studio. Raises Http404 for an unknown id or preset."""
    user = user_of(request)
    if image_id := uuid_in(request.GET.get("image", "")):
        images = Image.objects.for_user(user).kept().select_related("job")
        image = get_object_or_404(images, pk=image_id)
        return _values_of(image.job, seed=image.seed, index=image.index)
    if job_id := uuid_in(request.GET.get("job", "")):
        before = get_job_for_user(request, job_id)
        seed = before.generation_request.seed if request.GET.get("keep_seed") else None
        return _values_of(before, seed=seed)
    if own := uuid_in(request.GET.get("own", "")):
        return dict(get_object_or_404(StudioPreset, user=user, pk=own).values)
    if image_id := uuid_in(request.GET.get("from", "")):
        return _start_from(user, image_id, mode=request.GET.get("mode", ""))
    try:
        return {**saved_defaults.initial(user), **prefill.values(request)}
    except presets.UnknownPreset as error:
        raise Http404 from error


def left_out(request: HttpRequest) -> list[str]:
    """Sentences about what the initial values cannot repeat."""
    job = _repeated_job(request)
    if job is None or not job.generation_request.origin_step:
        return []
    return [str(LEFT_OUT["origin"]) % {"value": job.generation_request.origin_step}]


def repeated(job: Job) -> dict[str, Any]:
    """The form's values to submit a job again, its seed included."""
    return {**_values_of(job, seed=job.generation_request.seed), "keep_seed": False}


def uuid_in(text: str) -> UUID | None:
    """None for an empty text. Raises Http404 for anything else than a UUID."""
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise Http404 from error


def _repeated_job(request: HttpRequest) -> Job | None:
    """The user's job whose settings the URL asks for."""
    of_user = Job.objects.for_user(user_of(request))
    if image_id := uuid_in(request.GET.get("image", "")):
        return of_user.filter(images=image_id).first()
    job_id = uuid_in(request.GET.get("job", ""))
    return of_user.filter(pk=job_id).first() if job_id else None


def _values_of(job: Job, *, seed: int | None = None, index: int | None = None) -> dict[str, Any]:
    """Initial values that repeat the job, or with an `index` that image of it alone."""
    request = job.generation_request
    if index is not None and request.subseed_strength:
        request = request.alone(index)
    return {
        **values_of(request, seed=seed, picture=sources.size_of(job.user, request.image)),
        "synthetic_for": job.synthetic_for,
    }


def _start_from(user: "User", image_id: UUID, *, mode: str) -> dict[str, Any]:
    """Initial values to edit one of the user's images with its own prompt.

    Keeps the image's model if that supports the mode.
    """
    image = get_object_or_404(Image.objects.for_user(user).kept(), pk=image_id)
    chosen = Mode(mode) if mode in set(Mode) else Mode.IMAGE_TO_IMAGE
    able = [each.id for each in offered() if chosen in each.modes]
    return {
        **_values_of(image.job),
        **({} if image.checkpoint in able else _with_own_settings(able)),
        **dict.fromkeys(("mask", "depth", "strength", *SIDES)),
        "mode": chosen,
        "image": uploads.from_image(user, image).digest,
        "shape": AS_PICTURE,
    }


def _with_own_settings(able: list[str]) -> dict[str, Any]:
    """Select the first checkpoint, if any, and clear the settings of another model."""
    names = ("num_inference_steps", "guidance_scale", "noise_scheduler", "sigma_schedule")
    own = dict.fromkeys(names)
    return {"checkpoint": able[0], **own} if able else {}
