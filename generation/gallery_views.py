"""Pictures, to their owner alone: another's id is 404, exactly as one that never was."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generation import gallery as pictures
from generation import storage
from generation.models import Image

# A picture never changes, and no cache that others share may keep it.
CACHE_CONTROL = "private, max-age=31536000, immutable"


@login_required
@require_safe
@never_cache
def gallery(request: HttpRequest) -> HttpResponse:
    """The newest pictures, or with ?before=CURSOR the next page; to htmx only the page itself."""
    try:
        page = pictures.page(request.user, before=request.GET.get("before", ""))
    except pictures.InvalidCursor as error:
        raise Http404 from error
    template = "generation/_pictures.html" if request.htmx else "generation/gallery.html"
    return render(request, template, {"page": page})


@login_required
@require_safe
@never_cache
def image(request: HttpRequest, image_id: UUID) -> HttpResponse:
    image = _get_image_for_user(request, image_id)
    context = {"image": image, "job": image.job, "wanted": image.job.generation_request}
    return render(request, "generation/image.html", context)


@require_safe
def image_file(request: HttpRequest, image_id: UUID) -> HttpResponseBase:
    return _file(request, _get_image_for_bearer(request, image_id), name="file")


@require_safe
def image_thumbnail(request: HttpRequest, image_id: UUID) -> HttpResponseBase:
    return _file(request, _get_image_for_bearer(request, image_id), name="thumbnail")


@login_required
@require_safe
def image_download(request: HttpRequest, image_id: UUID) -> HttpResponseBase:
    image = _get_image_for_user(request, image_id)
    return _file(request, image, name="file", as_attachment=True)


def _get_image_for_user(request: HttpRequest, image_id: UUID) -> Image:
    images = Image.objects.for_user(request.user).kept().select_related("job")
    return get_object_or_404(images, pk=image_id)
