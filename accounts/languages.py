"""Language of a page: from the URL, the user's choice, or the browser."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from accounts.models import User

# A URL parameter, so that every language of a page has its own URL.
PARAMETER = "language"


class AskedLanguageMiddleware:
    """Activates the language in the URL. Runs after the middlewares that read the user's choice."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = request.GET.get(PARAMETER, "")
        if _is_offered(language):
            translation.activate(language)
            request.LANGUAGE_CODE = translation.get_language()
        return self.get_response(request)


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Store the posted language in a cookie, and with the user who is signed in."""
    language = request.POST.get(PARAMETER, "")
    if request.user.is_authenticated and _is_offered(language):
        User.objects.filter(pk=request.user.pk).update(language=language)
    return set_language(request)


def _is_offered(language: str) -> bool:
    return language in dict(settings.LANGUAGES)
