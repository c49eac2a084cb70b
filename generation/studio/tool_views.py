"""Requests of the studio's scripts: token counts, uploads, presets, past prompts."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import body_sizes
from accounts.rate_limits import limited
from accounts.requests import user_of
from generation.engine.checkpoints import catalogue
from generation.engine.enums import PICTURES
from generation.engine.request import MAX_PROMPT_LENGTH
from generation.images import read_settings, sources, storage, uploads
from generation.models import Image, StudioPreset, Upload
from generation.studio import history, token_count
from generation.studio.forms import GenerationForm

# Larger than uploads.MAX_BYTES, as only the metadata of the file is read.
MAX_READ_BYTES = 40 * 2**20


@login_required
@require_POST
def count_tokens(request: HttpRequest) -> JsonResponse:
    """Answer {tokens, limit, text} for a prompt and a checkpoint; `text` is translated."""
    try:
        checkpoint = catalogue.get(request.POST.get("checkpoint", ""))
    except catalogue.UnknownCheckpoint as error:
        raise Http404 from error
    counted = token_count.count(checkpoint, request.POST.get("prompt", "")[:MAX_PROMPT_LENGTH])
    if counted is None:
        return JsonResponse({"tokens": None, "limit": None, "text": ""})
    return JsonResponse({"tokens": counted.tokens, "limit": counted.limit, "text": _text(counted)})


# Room for a picture that is too large: its size is then said in words.
@body_sizes.accepts(2 * uploads.MAX_BYTES + body_sizes.BESIDE_FILES)
@login_required
@require_POST
@limited("upload")
def upload(request: HttpRequest) -> JsonResponse:
    """Store an uploaded image; answer its digest and size, or 422 or 503 with an error."""
    user = user_of(request)
    file = request.FILES.get("file")
    if file is None:
        return JsonResponse({"error": _("Choose a picture first.")}, status=422)
    try:
        stored = uploads.receive(user, file)
    except uploads.UploadRefused as refusal:
        return JsonResponse({"error": str(refusal)}, status=422)
    except uploads.NotStored as error:
        return JsonResponse({"error": str(error)}, status=503)
    return JsonResponse(_to_json(stored), status=201)


@login_required
@require_POST
@limited("upload")
def upload_image(request: HttpRequest, image_id: UUID) -> JsonResponse:
    """Make one of the user's images an input image; 503 with an error if the store has no room."""
    user = user_of(request)
    image = get_object_or_404(Image.objects.for_user(user).kept(), pk=image_id)
    try:
        stored = uploads.from_image(user, image)
    except uploads.NotStored as error:
        return JsonResponse({"error": str(error)}, status=503)
    return JsonResponse(_to_json(stored), status=201)


@login_required
@require_safe
def upload_file(request: HttpRequest, digest: str) -> HttpResponse:
    found = get_object_or_404(Upload, user=user_of(request), digest=digest)
    try:
        with default_storage.open(found.file) as file:
            content: bytes = file.read()
    except FileNotFoundError as error:
        raise Http404 from error
    response = HttpResponse(content, content_type="image/png")
    response["Cache-Control"] = storage.CACHE_CONTROL
    return response


@body_sizes.accepts(MAX_READ_BYTES + body_sizes.BESIDE_FILES)
@login_required
@require_POST
@limited("upload")
def read_picture(request: HttpRequest) -> JsonResponse:
    """Answer the form values found in an image's file, or 422 with an error.

    `left_out` has a sentence for each setting that cannot be used here. `pictures` has the user's own input images by field; fields of other images become empty.
    """
    user = user_of(request)
    file = request.FILES.get("file")
    if file is None or (file.size or 0) > MAX_READ_BYTES:
        return JsonResponse({"error": _("Choose a picture of at most 40 MB.")}, status=422)
    try:
        recalled = read_settings.read_picture(user, file)
    except read_settings.NothingToRead as reason:
        return JsonResponse({"error": str(reason)}, status=422)
    values = recalled.values
    named = {field: values.pop(field, "") for field in PICTURES}
    digests = {field: digest for field, digest in named.items() if digest}
    pictures = {each.field: _to_json(each.upload) for each in sources.find(user, digests)}
    found = {field: pictures[field]["digest"] if field in pictures else "" for field in digests}
    return JsonResponse(
        {"values": values | found, "left_out": recalled.left_out, "pictures": pictures}
    )


@login_required
@require_safe
@never_cache
def past_prompts(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"prompts": history.prompts(user_of(request))})


@login_required
@require_POST
def keep_preset(request: HttpRequest) -> JsonResponse:
    """Save the form's settings as a preset: 201, or 422 with an error."""
    user = user_of(request)
    name = request.POST.get("preset_name", "").strip()
    if not name or len(name) > history.MAX_NAME_LENGTH:
        return JsonResponse({"error": _("Give it a name of 1 to 60 characters.")}, status=422)
    form = GenerationForm(_with_prompt(request.POST), user=user)
    if not form.is_valid():
        return JsonResponse({"error": _("Some settings are not valid yet.")}, status=422)
    values = {field: request.POST.get(field, "") for field in form.fields}
    try:
        preset = history.keep_preset(user, name, values)
    except history.TooManyPresets as refusal:
        return JsonResponse({"error": str(refusal)}, status=422)
    return JsonResponse({"name": preset.name, "url": preset.get_absolute_url()}, status=201)


@login_required
@require_POST
def delete_preset(request: HttpRequest, preset_id: UUID) -> HttpResponse:
    get_object_or_404(StudioPreset, user=user_of(request), pk=preset_id).delete()
    return redirect("studio")


def _to_json(upload: Upload) -> dict[str, Any]:
    return {
        "digest": upload.digest,
        "url": upload.get_absolute_url(),
        "width": upload.width,
        "height": upload.height,
    }


def _text(counted: token_count.Count) -> str:
    if counted.tokens > counted.limit:
        return ngettext(
            "%(tokens)d of %(limit)d tokens: read in %(pieces)d piece",
            "%(tokens)d of %(limit)d tokens: read in %(pieces)d pieces, the first counts most",
            counted.pieces,
        ) % {"tokens": counted.tokens, "limit": counted.limit, "pieces": counted.pieces}
    return _("%(tokens)d of %(limit)d tokens") % {
        "tokens": counted.tokens,
        "limit": counted.limit,
    }


def _with_prompt(posted: QueryDict) -> QueryDict:
    """Fill in a prompt, so that settings without one are valid."""
    filled = posted.copy()
    filled["prompt"] = posted.get("prompt") or "-"
    return filled
