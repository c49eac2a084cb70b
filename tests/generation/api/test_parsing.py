"""Values in JSON bodies and forms."""

import pytest

from generation.api import parsing
from generation.api.errors import ApiError


@pytest.mark.parametrize("value", [3, 3.0, "3", "3.0"])
def test_a_whole_number_may_be_sent_as_text(value):
    assert parsing.integer({"n": value}, "n") == 3


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_number_is_a_missing_one(value):
    assert parsing.number({"n": value}, "n") is None
    assert parsing.count({"n": value}, "n", limit=4) == 1


@pytest.mark.parametrize("value", [True, "x", [1], {}, "nan", "inf", 10**400])
def test_an_invalid_number_is_refused_by_the_name_of_its_field(value):
    with pytest.raises(ApiError) as refused:
        parsing.number({"n": value}, "n")

    assert (refused.value.status, refused.value.param) == (422, "n")


@pytest.mark.parametrize(
    ("value", "is_true"),
    [(True, True), ("true", True), ("1", True), (False, False), ("", False), ([1], False)],
)
def test_a_boolean_may_be_sent_as_text(value, is_true):
    assert parsing.boolean({"on": value}, "on") is is_true
