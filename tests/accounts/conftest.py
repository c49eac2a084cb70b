import pytest
from django.core.cache import cache
from django.urls import reverse

from tests.factories import PASSWORD


@pytest.fixture
def as_alice(client, alice):
    """Alice's browser, signed in with her password."""
    client.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})
    return client


@pytest.fixture
def as_alice_proven(as_alice):
    """Alice's browser, just after she reauthenticated."""
    as_alice.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return as_alice


@pytest.fixture
def past_limits():
    """Resets all rate limits, as if enough time had passed."""
    return cache.clear
