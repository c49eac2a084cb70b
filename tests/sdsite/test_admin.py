import pytest
from django.urls import reverse

from tests import factories

pytestmark = pytest.mark.django_db


def test_administrators_sign_in_like_everybody(client):
    response = client.get(reverse("admin:login"))

    assert response.url.startswith(reverse("account_login"))


def test_an_administrator_gets_in(client):
    client.force_login(factories.make_user("root@example.com", is_staff=True, is_superuser=True))

    assert client.get(reverse("admin:index")).status_code == 200


def test_nobody_else_does(client, alice):
    client.force_login(alice)

    assert client.get(reverse("admin:index"), follow=True).status_code == 403
