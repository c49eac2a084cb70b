"""The order of tests, and the groups that stay together in one of several processes."""

from itertools import groupby

import pytest

from tests.groups import API, BROWSER, MODULES_OF_API, group_of


@pytest.mark.parametrize(
    ("test", "group"),
    [
        ("tests/browser/test_gallery.py::test_keys_select_and_act", BROWSER),
        ("tests/browser/test_pages.py::test_pages_fit_the_screen[member-phone]", BROWSER),
        ("tests/generation/api/test_clients.py::test_openai_makes_a_picture", API),
        ("tests/generation/api/test_auth.py::test_a_key", "tests/generation/api/test_auth.py"),
        ("tests/billing/test_plans.py::test_one[a::b]", "tests/billing/test_plans.py"),
    ],
)
def test_tests_that_share_a_site_or_a_module_are_a_group(test, group):
    assert group_of(test) == group


def test_every_test_with_the_site_of_the_api_is_in_its_group(request):
    users = {
        item.nodeid.partition("::")[0]
        for item in request.session.items
        if item.nodeid.startswith(f"{API}/") and "site" in item.fixturenames
    }

    assert users <= MODULES_OF_API


def test_groups_stay_together(request):
    runs = [group for group, _run in groupby(groups(request))]

    assert len(runs) == len(set(runs))


def groups(request):
    """The groups of this session's tests, in their order."""
    return [group_of(item.nodeid) for item in request.session.items]


def test_tests_of_the_shared_site_come_first(request):
    runs = [
        is_of_site for is_of_site, _run in groupby(group == BROWSER for group in groups(request))
    ]

    assert runs in ([True, False], [False])


def test_slow_modules_come_before_quick_ones(request):
    marked = {
        group_of(item.nodeid) for item in request.session.items if item.get_closest_marker("slow")
    }
    is_slow = [group in marked for group in groups(request) if group != BROWSER]

    assert is_slow == sorted(is_slow, reverse=True)
