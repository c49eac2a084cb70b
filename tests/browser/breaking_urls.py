"""The site's URLs, plus one that always fails."""

from typing import NoReturn

from django.http import HttpRequest
from django.urls import path

from sdsite import urls

handler500 = urls.handler500


def broken(request: HttpRequest) -> NoReturn:
    raise ValueError("as a mistake of ours would be")


urlpatterns = [*urls.urlpatterns, path("broken/", broken)]
