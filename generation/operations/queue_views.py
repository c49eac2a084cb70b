"""The operator's page about the queue and the workers. Only staff reach it, through the admin."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generation.gallery.views import FRAGMENT
from generation.queue import forecast


@require_safe
@never_cache
def queue(request: HttpRequest) -> HttpResponse:
    """Render generation/queue.html, or generation/_queue.html for a script. `forecast`: QueueForecast."""
    if not request.user.has_perm("generation.view_job"):
        raise PermissionDenied
    name = "_queue" if FRAGMENT in request.headers else "queue"
    context = {"forecast": forecast.look(), "shown": forecast.SHOWN}
    return render(request, f"generation/{name}.html", context)
