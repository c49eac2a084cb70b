"""What the studio's page asks for while one works: lengths of prompts, uploads, presets, past prompts."""

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

from accounts.rate_limits import limited
from accounts.requests import user_of
from generation.engine.checkpoints import catalogue
from generation.engine.request import MAX_PROMPT_LENGTH
from generation.images import read_settings, sources, storage, uploads
from generation.models import Image, StudioPreset, Upload
from generation.studio import history, token_count
from generation.studio.forms import GenerationForm

# A picture that is read for its settings alone may be larger than one that is worked on.
MAX_READ_BYTES = 40 * 2**20


@login_required
@require_POST
def count_tokens(request: HttpRequest) -> JsonResponse:
    """How long a prompt is to a checkpoint: {tokens, limit, text}, text being fit to show."""
    try:
        checkpoint = catalogue.get(request.POST.get("checkpoint", ""))
    except catalogue.UnknownCheckpoint as error:
        raise Http404 from error
    counted = token_count.count(checkpoint, request.POST.get("prompt", "")[:MAX_PROMPT_LENGTH])
    if counted is None:
        return JsonResponse({"tokens": None, "limit": None, "text": ""})
    return JsonResponse({"tokens": counted.tokens, "limit": counted.limit, "text": _said(counted)})


@login_required
@require_POST
@limited("upload")
def upload(request: HttpRequest) -> JsonResponse:
    """Take a picture to work on: its digest and size, or 422 and why not."""
    user = user_of(request)
    file = request.FILES.get("file")
    if file is None:
        return JsonResponse({"error": _("Choose a picture first.")}, status=422)
    try:
        stored = uploads.receive(user, file)
    except uploads.UploadRefused as refusal:
        return JsonResponse({"error": str(refusal)}, status=422)
    return JsonResponse(_shown(stored), status=201)


@login_required
@require_POST
@limited("upload")
def upload_image(request: HttpRequest, image_id: UUID) -> JsonResponse:
    """Take one of the person's own pictures to work on."""
    user = user_of(request)
    image = get_object_or_404(Image.objects.for_user(user).kept(), pk=image_id)
    return JsonResponse(_shown(uploads.from_image(user, image)), status=201)


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


@login_required
@require_POST
@limited("upload")
def read_picture(request: HttpRequest) -> JsonResponse:
    """The form's values that a PNG says it was made from, or 422 and why there are none.

    Also the pictures among them that are the person's own, by field; others are left empty.
    """
    user = user_of(request)
    file = request.FILES.get("file")
    if file is None or (file.size or 0) > MAX_READ_BYTES:
        return JsonResponse({"error": _("Choose a PNG picture of at most 40 MB.")}, status=422)
    try:
        values = read_settings.read_picture(user, file)
    except read_settings.NothingToRead as reason:
        return JsonResponse({"error": str(reason)}, status=422)
    named = {field: values.pop(field, "") for field in sources.FIELDS}
    wanted = {field: digest for field, digest in named.items() if digest}
    pictures = {each.field: _shown(each.upload) for each in sources.find(user, wanted)}
    found = {field: pictures[field]["digest"] if field in pictures else "" for field in wanted}
    return JsonResponse({"values": values | found, "pictures": pictures})


@login_required
@require_safe
@never_cache
def past_prompts(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"prompts": history.prompts(user_of(request))})


@login_required
@require_POST
def keep_preset(request: HttpRequest) -> JsonResponse:
    """Keep the form's settings under the name that comes with them: 201, or 422 and why not."""
    user = user_of(request)
    name = request.POST.get("preset_name", "").strip()
    if not name or len(name) > history.MAX_NAME_LENGTH:
        return JsonResponse({"error": _("Give it a name of 1 to 60 characters.")}, status=422)
    form = GenerationForm(_with_some_prompt(request.POST), user=user)
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


def _shown(stored: Upload) -> dict[str, Any]:
    return {
        "digest": stored.digest,
        "url": stored.get_absolute_url(),
        "width": stored.width,
        "height": stored.height,
    }


def _said(counted: token_count.Count) -> str:
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


def _with_some_prompt(posted: QueryDict) -> QueryDict:
    """Settings are kept for prompts to come: that there is none yet is no mistake."""
    filled = posted.copy()
    filled["prompt"] = posted.get("prompt") or "-"
    return filled
