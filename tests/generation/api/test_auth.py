"""Keys of the OpenAI, AUTOMATIC1111 and Stability formats."""

import base64

import pytest

from tests.generation.api.formats import (
    IDS,
    MAKING,
    READING,
    message_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("short_waits")]


@pytest.mark.parametrize("example", MAKING, ids=IDS)
def test_without_a_key_nothing_is_made(client, example):
    address, body, is_form = example
    response = (
        client.post(address, body())
        if is_form
        else client.post(address, body, content_type="application/json")
    )

    assert response.status_code == 401
    assert message_of(response)


@pytest.mark.parametrize("address", READING)
def test_without_a_key_nothing_is_shown(client, address):
    assert client.get(address).status_code == 401


def test_basic_auth_has_the_key_as_password(client, caller):
    basic = base64.b64encode(f"anybody:{caller.secret}".encode()).decode()

    response = client.get("/sdapi/v1/options", headers={"Authorization": f"Basic {basic}"})

    assert response.status_code == 200
