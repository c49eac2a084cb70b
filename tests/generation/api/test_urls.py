"""Paths of all API formats."""

from django.urls import URLPattern, get_resolver

from generation.api import urls
from generation.api.call_log_middleware import PREFIXES


def paths(patterns, before=""):
    for each in patterns:
        path = before + str(each.pattern).removeprefix("^")
        if isinstance(each, URLPattern):
            yield path
        else:
            yield from paths(each.url_patterns, path)


def test_every_path_has_a_prefix_that_the_call_log_knows():
    found = list(paths(urls.urlpatterns))

    assert len(found) > 50
    assert [path for path in found if not f"/{path}".startswith(PREFIXES)] == []


def test_no_other_page_has_such_a_prefix():
    api = set(paths(urls.urlpatterns))

    others = set(paths(get_resolver().url_patterns)) - api

    assert [path for path in others if f"/{path}".startswith(PREFIXES)] == []
