"""Share links: their management by the owner, and the public page and file."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import user_of
from generation.gallery import shares
from generation.gallery.forms import ShareForm
from generation.gallery.views import page_of
from generation.images import storage
from generation.models import Image, Share

SHARES_PER_PAGE = 50
# Keeps shared pages out of search engines, referrers and caches.
DISCREET = {
    "X-Robots-Tag": "noindex, nofollow, noarchive, noimageindex",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}


@login_required
@require_POST
def share_make(request: HttpRequest, image_id: UUID) -> HttpResponse:
    images = Image.objects.for_user(user_of(request)).kept()
    image = get_object_or_404(images, pk=image_id)
    form = ShareForm(request.POST)
    form.full_clean()
    shares.make(image, shows_prompt=form.cleaned_data["shows_prompt"])
    return redirect(f"{image.get_absolute_url()}#share")


@login_required
@require_POST
def share_revoke(request: HttpRequest, share_id: int) -> HttpResponse:
    if not shares.revoke(user_of(request), share_id):
        raise Http404
    messages.success(request, _("The link is revoked. Whoever has it finds nothing now."))
    return redirect(page_of(request))


@login_required
@require_safe
@never_cache
def share_list(request: HttpRequest) -> HttpResponse:
    """generation/shares.html: active links, newest first."""
    active = Share.objects.for_user(user_of(request)).live().filter(image__deleted_at=None)
    before = request.GET.get("before", "")
    if before:
        if not before.isdecimal() or len(before) > 18:
            raise Http404
        active = active.filter(pk__lt=int(before))
    found = list(
        active.select_related("image").defer("image__terms").order_by("-id")[: SHARES_PER_PAGE + 1]
    )
    page = found[:SHARES_PER_PAGE]
    context = {"shares": page, "older": page[-1].pk if len(found) > SHARES_PER_PAGE else None}
    return render(request, "generation/shares.html", context)


@require_safe
def shared_image(request: HttpRequest, token: str) -> HttpResponse:
    """generation/share.html: the image, for any holder of the link."""
    share = _get_share(token)
    context = {
        "share": share,
        "image": share.image,
        "generation_request": share.image.job.generation_request if share.shows_prompt else None,
        "file_url": shares.file_url(share),
    }
    page = render_to_string("generation/share.html", context, request)
    return HttpResponse(page, headers=DISCREET)


@require_safe
def shared_image_file(request: HttpRequest, token: str) -> HttpResponse:
    """The PNG; without its text chunks unless the owner shows the prompt."""
    if not shares.is_signed(token, signature=request.GET.get("signature", "")):
        raise Http404
    share = _get_share(token)
    try:
        content = storage.read(share.image.file)
    except FileNotFoundError as error:
        raise Http404 from error
    if not share.shows_prompt:
        content = shares.without_text(content)
    return HttpResponse(content, content_type="image/png", headers=DISCREET)


def _get_share(token: str) -> Share:
    share = shares.find(token)
    if share is None:
        raise Http404
    return share
