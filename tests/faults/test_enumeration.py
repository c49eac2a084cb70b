"""Account enumeration: neither the answer nor its timing reveals an address with an account.

Time is measured as work: password hashes, which take a tenth of a second each, and SQL statements, which
take a hundredth of that.
"""

import re
import statistics
import time

import pytest
from django.contrib.auth import hashers
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.accounts import mailbox
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

NOBODY = "nobody@example.com"
STATEMENTS_APART = 4


def sign_in(client, address):
    return client.post(reverse("account_login"), {"login": address, "password": "wrong"})


def reset(client, address):
    return client.post(reverse("account_reset_password"), {"email": address}, follow=True)


def sign_up(client, address):
    data = {"email": address, "password1": PASSWORD}
    return client.post(reverse("account_signup"), data, follow=True)


def sign_up_by_passkey(client, address):
    return client.post(reverse("account_signup_by_passkey"), {"email": address}, follow=True)


FORMS = [sign_in, reset, sign_up, sign_up_by_passkey]


@pytest.fixture
def hashed(monkeypatch):
    """A list that grows with each password hash."""
    hashed = []
    encode = hashers.MD5PasswordHasher.encode

    def count(hasher, password, salt):
        hashed.append(password)
        return encode(hasher, password, salt)

    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", count)
    return hashed


def shown(response, address):
    """The visible text, without values that differ between requests."""
    page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.text)
    return page.replace(address, "ADDRESS")


@pytest.mark.parametrize("form", FORMS)
def test_the_answer_is_the_same(alice, form):
    known, unknown = (form(Client(), address) for address in (alice.email, NOBODY))

    assert known.status_code == unknown.status_code
    assert getattr(known, "redirect_chain", []) == getattr(unknown, "redirect_chain", [])
    assert shown(known, alice.email) == shown(unknown, NOBODY)


@pytest.mark.parametrize("form", FORMS)
def test_as_many_passwords_are_hashed(alice, hashed, form):
    form(Client(), alice.email)
    for_known = len(hashed)
    form(Client(), NOBODY)

    assert len(hashed) - for_known == for_known


@pytest.mark.parametrize("form", [sign_in, reset])
def test_about_as_many_statements_are_run(alice, form):
    counts = []
    for address in (alice.email, NOBODY):
        with CaptureQueriesContext(connection) as queries:
            form(Client(), address)
        counts.append(len(queries))

    assert abs(counts[0] - counts[1]) <= STATEMENTS_APART


@pytest.mark.parametrize("form", [reset, sign_up, sign_up_by_passkey])
def test_each_address_gets_one_mail(alice, form):
    before = len(mailbox.mails(alice.email))

    form(Client(), alice.email)
    form(Client(), NOBODY)

    assert len(mailbox.mails(alice.email)) - before == len(mailbox.mails(NOBODY)) == 1


def test_who_has_an_account_is_told_by_mail_and_no_code_opens_it(alice):
    client = Client()
    sign_up(client, alice.email)

    response = client.post(reverse("account_email_verification_sent"), {"code": ""})

    assert mailbox.subjects(alice.email)[-1] == "You have an account already"
    assert response.status_code == 200
    assert "_auth_user_id" not in client.session


def change_address(client, address):
    data = {"action_add": "", "email": address}
    return client.post(reverse("account_email"), data, follow=True)


def test_changing_to_a_taken_address_looks_like_changing_to_a_free_one(client, alice, bob):
    client.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})

    taken, free = (change_address(client, address) for address in (bob.email, NOBODY))

    assert taken.redirect_chain == free.redirect_chain
    assert shown(taken, bob.email) == shown(free, NOBODY)


def test_limits_count_addresses_with_and_without_an_account_alike(alice):
    answers = [
        [sign_in(Client(REMOTE_ADDR=machine), address).status_code for _try in range(6)]
        for machine, address in (("198.51.100.1", alice.email), ("198.51.100.2", NOBODY))
    ]

    assert answers[0] == answers[1] == [200] * 5 + [429]


def test_without_prevention_the_answers_would_differ(alice, settings):
    """Control: the comparison above detects a difference."""
    settings.ACCOUNT_PREVENT_ENUMERATION = False

    known, unknown = (sign_up(Client(), address) for address in (alice.email, NOBODY))

    assert shown(known, alice.email) != shown(unknown, NOBODY)


def test_with_allauths_own_form_a_known_address_would_cost_no_hash(alice, hashed, settings):
    """Control: the count above detects a difference."""
    settings.ACCOUNT_FORMS = {}

    sign_up(Client(), alice.email)

    assert hashed == []


@pytest.mark.slow
@pytest.mark.parametrize("form", [sign_in, reset, sign_up])
def test_it_takes_as_long(alice, settings, form):
    """Uses the production hasher: a hash in one case only would take twice as long."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    alice.set_password(PASSWORD)
    alice.save()
    known, unknown = [], []

    for n in range(3):
        for address, times in ((alice.email, known), (f"{n}{NOBODY}", unknown)):
            cache.clear()
            # The thread's own time: what else the machine does must not count.
            began = time.thread_time()
            form(Client(), address)
            times.append(time.thread_time() - began)

    assert 0.6 < statistics.median(known) / statistics.median(unknown) < 1.6
