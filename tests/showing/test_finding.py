"""New pages are found, and undecided routes are reported."""

import pytest

from tests.showing import pages
from tests.showing.pages import Route

HTML = "text/html; charset=utf-8"
WHOLE = "<!doctype html><html><title>A page</title></html>"
KNOWN = {"preset_id": "posts"}


@pytest.fixture
def only(monkeypatch):
    """Replaces the site's routes."""

    def only(*found):
        monkeypatch.setattr(pages, "routes", lambda: list(found))

    return only


def answering(**answers):
    """A site with these answers by audience; other audiences get the sign-in page."""
    refused = (200, HTML, WHOLE, "/accounts/login/")
    return lambda _path, audience: answers.get(audience, refused)


def found(get, known=KNOWN):
    return [(page.path, page.audience) for page in pages.find(get, known)]


def test_the_sites_own_routes_are_found():
    names = {route.name for route in pages.routes()}

    assert {"home", "studio", "billing:plans", "accounts:settings", "account_login"} <= names
    assert Route("use", ("preset_id",)) in pages.routes()
    assert not any(name.startswith("admin:") for name in names)


def test_a_page_for_everybody_is_shown_as_visitors_and_as_members_see_it(only):
    only(Route("uses", ()))
    shown = (200, HTML, WHOLE, "/uses/")

    assert found(answering(visitor=shown, member=shown, operator=shown)) == [
        ("/uses/", "visitor"),
        ("/uses/", "member"),
    ]


def test_a_page_for_one_audience_is_shown_as_they_see_it(only):
    only(Route("uses", ()))

    assert found(answering(operator=(200, HTML, WHOLE, "/uses/"))) == [("/uses/", "operator")]


def test_what_fills_an_address_is_looked_up(only):
    only(Route("use", ("preset_id",)))
    shown = (200, HTML, WHOLE, "/uses/posts/")

    assert ("/uses/posts/", "visitor") in found(answering(visitor=shown))


@pytest.mark.parametrize(
    "answer",
    [
        (405, HTML, "", "/uses/"),
        (200, "application/json", "", "/uses/"),
        (200, HTML, "<p>", "/uses/"),
    ],
    ids=["another method", "data", "a part of a page"],
)
def test_what_is_no_page_by_nature_needs_no_reason(only, answer):
    only(Route("uses", ()))

    assert found(answering(visitor=answer)) == []


def test_a_route_that_shows_nobody_a_page_is_complained_about(only):
    only(Route("uses", ()))

    with pytest.raises(pages.Unknown, match="uses is not in ELSEWHERE and shows nobody a page"):
        pages.find(answering(), KNOWN)


def test_a_reason_that_does_not_hold_any_more_is_complained_about(only, monkeypatch):
    only(Route("uses", ()))
    monkeypatch.setattr(pages, "ELSEWHERE", {"uses": "is a redirect"})

    with pytest.raises(pages.Unknown, match="uses is in ELSEWHERE and shows a page"):
        pages.find(answering(visitor=(200, HTML, WHOLE, "/uses/")), KNOWN)


def test_an_argument_that_is_new_is_complained_about(only):
    only(Route("use", ("preset_id",)))

    with pytest.raises(pages.Unknown, match="what stands for 'preset_id'"):
        pages.find(answering(), {})
