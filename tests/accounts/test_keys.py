from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import keys
from accounts.keys import Limits
from accounts.models import ApiKey

pytestmark = pytest.mark.django_db


def test_a_key_is_known_by_its_secret_alone(alice):
    key, secret = keys.make(alice, name="Shop")

    assert keys.find(secret) == key
    assert keys.find(secret.upper()) is None
    assert keys.find(key.prefix) is None
    assert keys.find(key.digest) is None


def test_the_secret_is_kept_nowhere(alice):
    _key, secret = keys.make(alice, name="Shop")

    assert secret not in str(ApiKey.objects.values().get())


@pytest.mark.parametrize("secret", ["", "sk-", "\0", "\ud800", "x" * 100_000])
def test_what_is_no_key_is_none(alice, secret):
    keys.make(alice, name="Shop")

    assert keys.find(secret) is None


def test_an_expired_key_opens_nothing(alice):
    ended = timezone.now() - timedelta(seconds=1)
    _key, secret = keys.make(alice, name="Shop", limits=Limits(expires_at=ended))

    assert keys.find(secret) is None


def test_the_keys_of_a_closed_account_open_nothing(alice):
    _key, secret = keys.make(alice, name="Shop")

    alice.is_active = False
    alice.save()

    assert keys.find(secret) is None


def test_revoking_twice_keeps_the_first_moment(alice):
    key, _secret = keys.make(alice, name="Shop")
    keys.revoke(key)
    revoked_at = ApiKey.objects.get().revoked_at

    keys.revoke(key)

    assert ApiKey.objects.get().revoked_at == revoked_at


def test_the_last_use_is_noted_once_a_minute(alice, django_assert_num_queries):
    key, secret = keys.make(alice, name="Shop")
    keys.note_use(key)
    key = keys.find(secret)

    with django_assert_num_queries(0):
        keys.note_use(key)

    assert timezone.now() - key.last_used_at < timedelta(seconds=50)
