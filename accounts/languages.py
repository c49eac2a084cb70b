"""Which language a page is in: asked for in its address, chosen at its foot, or what the browser says."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from accounts.models import User

# In an address, so that every language of a page has one of its own.
PARAMETER = "language"


class AskedLanguageMiddleware:
    """Goes after those that know the person's choice: an address that names a language is in that one."""

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
    """Remember the language that was posted: with the browser, and with whom is signed in to it."""
    language = request.POST.get(PARAMETER, "")
    if request.user.is_authenticated and _is_offered(language):
        User.objects.filter(pk=request.user.pk).update(language=language)
    return set_language(request)


def _is_offered(language: str) -> bool:
    return language in dict(settings.LANGUAGES)
