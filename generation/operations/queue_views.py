"""The line and the workers, for those who run the site. The admin lets only staff come here."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generation.gallery.views import FRAGMENT
from generation.queue import forecast as jobs


@require_safe
@never_cache
def queue(request: HttpRequest) -> HttpResponse:
    """generation/queue.html, or to a script generation/_queue.html alone. line: Line."""
    if not request.user.has_perm("generation.view_job"):
        raise PermissionDenied
    name = "_queue" if FRAGMENT in request.headers else "queue"
    return render(request, f"generation/{name}.html", {"line": jobs.look(), "shown": jobs.SHOWN})
