from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.usersessions.models import UserSession
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts import closing, sessions, signals
from accounts.models import User
from tests import factories

pytestmark = pytest.mark.django_db


def sign_in(user: User) -> Client:
    client = Client()
    data = {"login": user.email, "password": factories.PASSWORD}
    assert client.post(reverse("account_login"), data).status_code == 302
    return client


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("studio")).status_code == 200


@pytest.fixture
def heard():
    """Users for whom `access_changed` was sent."""
    users = []

    def hear(user, **kwargs):
        users.append(user)

    signals.access_changed.connect(hear)
    yield users
    signals.access_changed.disconnect(hear)


def test_all_devices_are_signed_out(alice, bob, heard, django_capture_on_commit_callbacks):
    devices = [sign_in(alice), sign_in(alice)]
    elsewhere = sign_in(bob)

    with django_capture_on_commit_callbacks(execute=True):
        ended = sessions.end_all(alice)

    assert ended == 2
    assert not any(is_signed_in(device) for device in devices)
    assert is_signed_in(elsewhere)
    assert heard == [alice]


def test_signing_out_twice_ends_nothing_more(alice):
    sign_in(alice)
    sessions.end_all(alice)

    assert sessions.end_all(alice) == 0


def test_a_closed_account_is_signed_out_and_stays_out(
    alice, heard, django_capture_on_commit_callbacks
):
    device = sign_in(alice)

    with django_capture_on_commit_callbacks(execute=True):
        closing.deactivate(alice)

    assert not is_signed_in(device)
    data = {"login": alice.email, "password": factories.PASSWORD}
    Client().post(reverse("account_login"), data)
    assert not UserSession.objects.filter(user=alice).exists()
    assert heard == [alice]


def test_an_account_can_be_opened_again(alice):
    closing.deactivate(alice)

    closing.reactivate(alice)

    assert is_signed_in(sign_in(alice))


def test_the_last_administrator_stays(alice):
    root = factories.make_user("root@example.com", is_staff=True, is_superuser=True)

    with pytest.raises(closing.LastAdministrator):
        closing.deactivate(root)

    closing.deactivate(alice)
    assert User.objects.get(pk=root.pk).is_active


def test_one_of_two_administrators_may_go():
    first, second = (
        factories.make_user(f"root{n}@example.com", is_staff=True, is_superuser=True)
        for n in range(2)
    )

    closing.deactivate(first)

    with pytest.raises(closing.LastAdministrator):
        closing.deactivate(second)


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_close_each_other_leave_one():
    users = [
        factories.make_user(f"root{n}@example.com", is_staff=True, is_superuser=True)
        for n in range(2)
    ]

    def deactivate(user):
        try:
            closing.deactivate(user)
        except closing.LastAdministrator:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        closed = list(pool.map(deactivate, users))

    assert sorted(closed) == [False, True]
    assert User.objects.filter(is_active=True).count() == 1
