import re

import pytest
from django.urls import reverse

from accounts.models import User
from billing import ledger
from billing.models import Unit
from billing.plans import TRIAL
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


def sign_up(client, address="dora@example.com"):
    return client.post(
        reverse("account_signup"), {"email": address, "password1": PASSWORD}, follow=True
    )


def confirm(client, mail):
    link = re.search(r"https?://\S+", mail.body)[0]
    return client.post(link.split("testserver")[-1])


def test_who_confirms_the_address_is_signed_in_and_has_the_trials_minutes(client, mailoutbox):
    sign_up(client)

    response = confirm(client, mailoutbox[0])

    user = User.objects.get(email="dora@example.com")
    assert response.url == reverse("studio")
    assert client.session["_auth_user_id"] == str(user.pk)
    assert ledger.available(user, Unit.GPU_MS) == TRIAL.gpu_ms


def test_nobody_is_signed_in_or_given_anything_before(client, mailoutbox):
    sign_up(client)

    user = User.objects.get(email="dora@example.com")
    assert "_auth_user_id" not in client.session
    assert ledger.available(user, Unit.GPU_MS) == 0


def test_the_answer_does_not_tell_whether_an_address_has_an_account(client, alice, mailoutbox):
    new = sign_up(client, "dora@example.com")
    taken = sign_up(client, alice.email)

    assert new.redirect_chain == taken.redirect_chain
    assert [mail.to for mail in mailoutbox] == [["dora@example.com"], [alice.email]]
    assert User.objects.filter(email=alice.email).count() == 1


def test_addresses_differ_in_more_than_their_case(client, alice, mailoutbox):
    sign_up(client, alice.email.upper())

    assert User.objects.count() == 1


def test_a_common_password_is_refused(client):
    response = client.post(
        reverse("account_signup"), {"email": "dora@example.com", "password1": "password123"}
    )

    assert response.context["form"].errors["password1"]
    assert not User.objects.exists()
