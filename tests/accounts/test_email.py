import pytest
from allauth.account.models import EmailAddress
from django.urls import reverse

from tests.accounts import mailbox

pytestmark = pytest.mark.django_db

URL = reverse("account_email")
CONFIRM = reverse("account_email_verification_sent")
NEW = "alice@example.net"


def ask(client, address=NEW):
    return client.post(URL, {"action_add": "", "email": address})


def addresses(user):
    return list(EmailAddress.objects.filter(user=user).values_list("email", "verified", "primary"))


def test_until_the_code_is_typed_nothing_changes(as_alice_proven, alice):
    response = ask(as_alice_proven)

    alice.refresh_from_db()
    assert response.url == CONFIRM
    assert alice.email == "alice@example.com"
    assert addresses(alice) == [("alice@example.com", True, True)]


def test_with_the_code_the_address_changes_and_the_old_one_is_told(as_alice_proven, alice):
    ask(as_alice_proven)

    as_alice_proven.post(CONFIRM, {"code": mailbox.code(NEW)})

    alice.refresh_from_db()
    assert alice.email == NEW
    assert addresses(alice) == [(NEW, True, True)]
    assert mailbox.subjects("alice@example.com")[-1] == "Your email address was changed"


def test_somebody_elses_code_does_not_help(as_alice_proven, alice):
    ask(as_alice_proven)

    as_alice_proven.post(CONFIRM, {"code": "AAAA-AAAA"})

    alice.refresh_from_db()
    assert alice.email == "alice@example.com"


def test_an_address_that_somebody_has_cannot_be_taken(as_alice_proven, alice, bob):
    ask(as_alice_proven, bob.email)

    as_alice_proven.post(CONFIRM, {"code": "AAAA-AAAA"})

    assert addresses(alice) == [("alice@example.com", True, True)]
    assert addresses(bob) == [(bob.email, True, True)]


def test_it_is_asked_whether_it_is_she(as_alice):
    response = ask(as_alice)

    assert response.url.startswith(reverse("account_reauthenticate"))
    assert mailbox.mails(NEW) == []


@pytest.mark.parametrize("address", ["", "nonsense", "alice@example.com"])
def test_what_is_no_new_address_is_refused(as_alice_proven, address):
    response = ask(as_alice_proven, address)

    assert response.context["form"].errors["email"]


def test_visitors_are_sent_to_sign_in(client):
    assert client.get(URL).url == f"{reverse('account_login')}?next={URL}"
