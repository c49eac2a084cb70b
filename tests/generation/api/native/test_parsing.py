"""The Prefer header of the native API."""

import pytest

from generation.api.native.parsing import MAX_WAIT_SECONDS, wait_seconds


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("", None),
        ("respond-async", None),
        ("wait", None),
        ("wait=0", 0),
        ("wait=30", 30),
        ("respond-async, wait=5", 5),
        ("wait=9999", MAX_WAIT_SECONDS),
    ],
)
def test_the_wait_is_read_and_limited(prefer, seconds):
    assert wait_seconds(prefer) == seconds
