"""The order of tests, and the groups that stay together in one of several processes."""

from itertools import groupby


def group(item):
    return item.get_closest_marker("xdist_group").args[0]


def test_tests_of_the_shared_site_come_first_and_stay_together(request):
    is_of_site = ["tests/browser/" in item.path.as_posix() for item in request.session.items]

    assert [key for key, _run in groupby(is_of_site)] in ([True, False], [False])
    assert {group(item) == "browser" for item in request.session.items} == set(is_of_site)


def test_tests_of_a_module_stay_together(request):
    pairs = {(item.path, group(item)) for item in request.session.items}

    assert len(pairs) == len({path for path, _group in pairs})


def test_slow_modules_come_before_quick_ones(request):
    others = [item for item in request.session.items if group(item) != "browser"]
    slow = {group(item) for item in others if item.get_closest_marker("slow")}
    is_slow = [group(item) in slow for item in others]

    assert is_slow == sorted(is_slow, reverse=True)
