"""API keys in the path."""

import pytest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("short_waits")]


def test_a_key_in_the_address_never_reaches_a_log(client, caller, caplog):
    assert client.get(f"/a1111/{caller.secret}/sdapi/v1/options").status_code == 200
    client.get(f"/a1111/{caller.secret}/sdapi/v1/nothing")

    assert caller.secret not in caplog.text
    assert set(caller.key.calls.values_list("path", flat=True)) == {"/sdapi/v1/options"}
