import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.core.files.storage import default_storage
from django.db.models import PROTECT, SET_NULL, ManyToOneRel
from django.test import Client
from django.urls import reverse

from accounts import deletion, exports, tasks
from accounts.models import Mail, User
from billing import ledger, subscriptions
from billing.models import (
    Customer,
    Entry,
    Grant,
    Payment,
    SandboxObject,
    StripeEvent,
    Subscription,
    Unit,
    Wallet,
)
from billing.providers.protocol import ProviderUnavailable
from billing.providers.sandbox import SandboxGateway
from generation import jobs
from generation.models import Image, Job, Status
from tests import factories
from tests.accounts import mailbox
from tests.billing.books import assert_books_balance
from tests.generation.rows import make_image, make_job, make_request

pytestmark = pytest.mark.django_db

# Rows that the law requires: they point to the user's row, and so protect it.
KEPT = {Customer, Payment, Subscription, Wallet}


def delete(user):
    deletion.request(user)
    deletion.erase(user.pk)
    user.refresh_from_db()


@pytest.fixture
def full(alice):
    """Alice with a row of every kind that refers to a user."""
    client = Client(headers={"user-agent": "Mozilla/5.0"})
    client.post(reverse("account_login"), {"login": alice.email, "password": factories.PASSWORD})
    Authenticator.objects.create(user=alice, type="totp", data={"secret": "x"})
    SocialAccount.objects.create(user=alice, provider="github", uid="1")
    alice.first_name, alice.last_name = "Alice", "Liddell"
    alice.language, alice.theme = "zh-hans", "dark"
    alice.studio_defaults = {"num_inference_steps": 9}
    alice.is_staff = True
    alice.save()
    image = make_image(make_job(alice))
    jobs.submit(alice, make_request())
    export = exports.request(alice)
    exports.make(str(export.pk))
    export.refresh_from_db()
    alice.files = [image.file, image.thumbnail, export.file]
    return alice


def test_nothing_of_the_person_is_left(full):
    assert all(default_storage.exists(key) for key in full.files)

    delete(full)

    for model in (EmailAddress, Authenticator, SocialAccount, UserSession, Job, Image):
        assert not model.objects.exists(), model
    assert not any(default_storage.exists(key) for key in full.files)
    assert (full.email, full.first_name, full.last_name) == (
        f"deleted-{full.pk}@deleted.invalid",
        "",
        "",
    )
    assert (full.language, full.theme, full.studio_defaults) == ("", "system", {})
    assert not full.is_active
    assert not full.is_staff
    assert not full.has_usable_password()
    assert full.last_login is None


def test_money_stays_and_adds_up(full):
    entries = list(Entry.objects.values_list("pk", "amount"))

    delete(full)

    assert list(Entry.objects.values_list("pk", "amount")) == entries
    assert Wallet.objects.get().user == full
    assert Wallet.objects.get().held == 0
    assert_books_balance()


def test_the_address_is_nowhere_in_what_stays(full):
    delete(full)
    Mail.objects.all().delete()

    rows = [
        str(row)
        for model in (Entry, Grant, Subscription, Wallet, User, SandboxObject, StripeEvent)
        for row in model.objects.values()
    ]
    assert "alice@" not in "".join(rows)


def test_every_table_that_knows_a_user_is_emptied_or_kept_on_purpose():
    fields = User._meta.get_fields(include_hidden=True)
    relations = [each for each in fields if isinstance(each, ManyToOneRel)]

    kept = {each.related_model for each in relations if each.on_delete is PROTECT}
    loose = {each.related_model for each in relations if each.on_delete is SET_NULL}
    emptied = {each.related_model for each in deletion.cascading()}

    assert kept == KEPT
    assert loose == set()
    assert kept | emptied == {each.related_model for each in relations}


def test_the_plan_ends_at_the_provider_at_once(alice):
    delete(alice)

    subscription = Subscription.objects.get()
    remote = SandboxGateway().retrieve_subscription(subscription.provider_subscription_id)
    assert remote.status == subscription.status == Subscription.Status.CANCELED


def test_who_has_no_plan_needs_no_provider(charlie, monkeypatch):
    monkeypatch.setattr("billing.subscriptions.gateway", None)

    delete(charlie)

    assert charlie.erased_at


def test_nobody_can_sign_in_while_it_is_deleted(alice, client):
    deletion.request(alice)

    response = client.post(
        reverse("account_login"), {"login": alice.email, "password": factories.PASSWORD}
    )

    assert response.url == reverse("account_inactive")
    assert "_auth_user_id" not in client.session


def test_what_waits_in_line_is_given_back(alice):
    job = jobs.submit(alice, make_request())

    delete(alice)

    assert not Job.objects.filter(pk=job.pk).exists()
    assert ledger.wallet_of(alice, Unit.GPU_MS).held == 0


def test_it_waits_for_a_picture_that_a_worker_is_making(alice):
    submitted = jobs.submit(alice, make_request())
    running = jobs.claim(worker="w")
    deletion.request(alice)

    with pytest.raises(deletion.NotYet):
        deletion.erase(alice.pk)
    jobs.stop(running, ())
    deletion.erase(alice.pk)

    alice.refresh_from_db()
    assert running == submitted
    assert alice.erased_at
    assert_books_balance()


def test_the_task_takes_a_wait_for_an_ordinary_answer(alice):
    make_job(alice, status=Status.RUNNING)
    deletion.request(alice)

    tasks.erase(str(alice.pk))

    alice.refresh_from_db()
    assert alice.erased_at is None
    assert deletion.waiting() == [alice.pk]


def test_a_provider_that_is_away_is_asked_again(alice, monkeypatch):
    make_image(make_job(alice))
    end = SandboxGateway.end

    def refuse(*args, **kwargs):
        raise ProviderUnavailable

    monkeypatch.setattr(SandboxGateway, "end", refuse)
    deletion.request(alice)
    with pytest.raises(ProviderUnavailable):
        deletion.erase(alice.pk)
    monkeypatch.setattr(SandboxGateway, "end", end)
    deletion.erase(alice.pk)

    alice.refresh_from_db()
    assert alice.erased_at
    assert not Subscription.objects.get().is_live


def test_it_is_safe_to_repeat(full):
    address = full.email
    delete(full)

    again = deletion.erase(full.pk)

    assert again is False
    assert len(mailbox.mails(address)) == 1


def test_an_account_that_nobody_deleted_is_left_alone(alice):
    assert deletion.erase(alice.pk) is False

    alice.refresh_from_db()
    assert alice.email == "alice@example.com"


def test_one_last_mail_confirms_it(alice):
    delete(alice)

    [last] = Mail.objects.all()
    assert (last.to, last.user) == ("alice@example.com", None)
    assert last.subject == "Your account has been deleted"


def test_others_lose_nothing(alice, bob):
    image = make_image(make_job(bob))

    delete(alice)

    bob.refresh_from_db()
    assert bob.is_active
    assert Image.objects.get() == image
    assert default_storage.exists(image.file)
    assert Subscription.objects.get(user=bob).is_live


def test_the_address_can_sign_up_anew_but_has_no_second_trial(charlie):
    delete(charlie)

    again = factories.make_user("charlie@example.com")

    assert subscriptions.start_trial(again, email=again.email) is None
    assert ledger.available(again, Unit.GPU_MS) == 0


def test_a_lost_bell_is_rung_again(alice, monkeypatch):
    rung = []
    monkeypatch.setattr(tasks.erase, "delay", rung.append)
    deletion.request(alice)

    tasks.erase_accounts()

    assert rung == [str(alice.pk)]
