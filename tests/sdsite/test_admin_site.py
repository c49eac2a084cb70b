"""The admin's start page, and properties of all its lists."""

import re
from datetime import timedelta
from itertools import count

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, User
from billing import ledger, owed_cancellations, reconciliation
from billing.models import (
    Customer,
    Entry,
    FailedPayment,
    Grant,
    Hold,
    OwedCancellation,
    Payment,
    StripeEvent,
    Subscription,
    Unit,
    Wallet,
)
from generation.models import Image, Job, Refusal, Speed, Stage, Status, Uptime
from tests import factories
from tests.billing import provider
from tests.billing.books import fund
from tests.generation.carrying import claim, submit
from tests.generation.rows import make_image, make_job
from tests.generation.workers import say

pytestmark = pytest.mark.django_db

numbers = count()


# The start page ---------------------------------------------------------------------------------


def concerns(client):
    """The alerts on the start page, each with its urgency."""
    page = client.get(reverse("admin:index")).text
    part = re.search(r"data-concerns>(.*?)</ul>", page, re.DOTALL)[1]
    found = re.findall(r'<li class="(\w+)">(.*?)</li>', part)
    return [(urgency, re.sub(r"<[^>]+>", "", text)) for urgency, text in found]


def urgent(client):
    return [text for urgency, text in concerns(client) if urgency in {"error", "warning"}]


@pytest.mark.usefixtures("root")
def test_pages_have_the_sites_icon(client):
    for name in ("admin:index", "admin:generation_job_changelist"):
        assert 'rel="icon"' in client.get(reverse(name)).text


@pytest.mark.usefixtures("root")
def test_all_is_well(client):
    say()
    reconciliation.run()

    (calm, _about), (info, books) = concerns(client)

    assert (calm, info) == ("success", "info")
    assert books.startswith("The books were right when they were last compared")


@pytest.mark.usefixtures("root")
def test_books_that_were_never_compared_are_no_reason_to_worry(client):
    say()

    assert urgent(client) == []
    assert ("info", "The books have not been compared since the site started.") in concerns(client)


@pytest.mark.usefixtures("root")
def test_books_that_differ_are(client, alice):
    say()
    Wallet.objects.filter(user=alice).update(balance=1)
    reconciliation.run()

    (text,) = urgent(client)

    assert text.startswith("The books differ in 2 places, first: wallet")


@pytest.mark.usefixtures("root")
def test_books_that_nobody_compares_any_more_are(client, monkeypatch):
    say()
    reconciliation.run()
    later = timezone.now() + timedelta(days=2)
    monkeypatch.setattr("billing.alerts.timezone.now", lambda: later)

    assert urgent(client) == ["The books were last compared 48 hours ago: does beat run?"]


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("attempts", "text"),
    [
        (3, "1 event of the payment provider failed and is tried again."),
        (StripeEvent.MAX_ATTEMPTS, "1 event of the payment provider was given up."),
    ],
)
def test_events_that_fail_are_said(client, attempts, text):
    say()
    StripeEvent.objects.create(id="evt_1", type="x", payload={}, attempts=attempts)

    assert [each for each in urgent(client) if each.startswith(text)]


@pytest.mark.usefixtures("root")
def test_an_event_that_waits_for_long_is_said(client):
    say()
    StripeEvent.objects.create(id="evt_1", type="x", payload={})
    StripeEvent.objects.update(received_at=timezone.now() - timedelta(minutes=7))

    assert urgent(client) == ["An event of the payment provider has waited for 7 minutes."]


@pytest.mark.usefixtures("root")
def test_a_missing_worker_is_a_warning_and_an_error_once_somebody_waits(client, alice):
    before = concerns(client)

    submit(alice)

    assert ("warning", "No worker is running.") in before
    assert ("error", "No worker is running.") in concerns(client)


@pytest.mark.usefixtures("root")
def test_a_worker_that_fell_silent_is_said(client, alice):
    submit(alice)
    claim()
    say("machine:2")

    assert urgent(client) == ["The worker machine:1 has jobs, but says nothing."]


@pytest.mark.usefixtures("root")
def test_jobs_that_wait_for_long_are_said(client, alice):
    say()
    for _ in range(2):
        submit(alice)
    Job.objects.update(queued_at=timezone.now() - timedelta(minutes=6))

    assert urgent(client) == ["2 jobs wait, the first for 6 minutes."]


@pytest.mark.usefixtures("root")
def test_many_failures_are_said(client, alice):
    say()
    for status in (Status.FAILED, Status.FAILED, Status.SUCCEEDED):
        make_job(alice, status=status)

    assert urgent(client) == ["2 of the 3 jobs of the last hour failed."]


@pytest.mark.usefixtures("root")
def test_a_few_failures_are_not(client, alice):
    say()
    make_job(alice, status=Status.FAILED)
    for _ in range(10):
        make_job(alice)

    assert urgent(client) == []


@pytest.mark.usefixtures("root")
def test_every_concern_leads_to_where_one_can_look(client, alice):
    submit(alice)
    make_job(alice, status=Status.FAILED)
    for n, attempts in enumerate((3, StripeEvent.MAX_ATTEMPTS)):
        StripeEvent.objects.create(id=f"evt_{n}", type="x", payload={}, attempts=attempts)
    StripeEvent.objects.update(received_at=timezone.now() - timedelta(minutes=7))
    an_owed_cancellation()
    OwedCancellation.objects.update(error="ProviderUnavailable")
    page = client.get(reverse("admin:index")).text
    part = re.search(r"data-concerns>(.*?)</ul>", page, re.DOTALL)[1]
    links = re.findall(r'href="([^"]+)"', part)

    assert len(links) == 6
    assert {client.get(link.replace("&amp;", "&")).status_code for link in links} == {200}


# Lists ------------------------------------------------------------------------------------------


def an_account():
    return factories.make_user(f"user{next(numbers)}@example.com")


def a_wallet():
    return ledger.wallet_of(an_account(), Unit.GPU_MS)


def a_grant():
    return fund(an_account(), 10_000)


def a_hold():
    wallet = a_grant().wallet
    reference = f"job:{next(numbers)}"
    return ledger.hold(wallet.user, unit=Unit.GPU_MS, amount=5, reference=reference)


def an_entry():
    hold = a_hold()
    ledger.capture(hold.reference, amount=3)
    return Entry.objects.latest("id")


def a_subscription():
    return factories.subscribe(an_account())


def an_owed_cancellation():
    subscription = a_subscription()
    return owed_cancellations.owe(subscription, key=subscription.provider_subscription_id)


def an_event():
    return StripeEvent.objects.create(id=f"evt_{next(numbers)}", type="invoice.paid", payload={})


def a_customer():
    return Customer.objects.create(
        user=an_account(), provider="sandbox", provider_customer_id=f"cus_{next(numbers)}"
    )


def a_payment():
    return provider.buy(an_account())


def a_failed_payment():
    payment = provider.buy(a_subscription().user)
    Payment.objects.filter(pk=payment.pk).update(status=Payment.Status.OPEN, attempts=2)
    return FailedPayment.objects.get(pk=payment.pk)


def a_refusal():
    return Refusal.objects.create(user=an_account(), stage=Stage.PROMPT, category="gore")


def a_key():
    return keys.make(an_account(), name=f"key {next(numbers)}")[0]


def a_job():
    return make_job(an_account())


def an_image():
    return make_image(a_job())


def a_speed():
    return Speed.objects.create(
        checkpoint="sketchbook",
        device=f"cpu {next(numbers)}",
        ms_per_step_megapixel=1,
        overhead_ms=1,
    )


MAKERS = {
    Wallet: a_wallet,
    Grant: a_grant,
    Hold: a_hold,
    Entry: an_entry,
    Subscription: a_subscription,
    OwedCancellation: an_owed_cancellation,
    StripeEvent: an_event,
    Job: a_job,
    Image: an_image,
    Speed: a_speed,
    Customer: a_customer,
    Payment: a_payment,
    FailedPayment: a_failed_payment,
    Refusal: a_refusal,
    ApiKey: a_key,
}
# Rows that lead to their user by another.
OWNERS = ("wallet", "subscription")
OWNED = [model for model in MAKERS if model not in {StripeEvent, Speed}]


def list_of(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def page_of(row):
    model = type(row)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    return reverse(name, args=[quote(row.pk)])


def test_every_list_of_ours_is_looked_at_here():
    ours = {model for model in admin.site._registry if model._meta.app_label in OUR_APPS}

    # The margin is no list, and the list of users has its own tests.
    assert ours - {Uptime, User} == MAKERS.keys()


OUR_APPS = {"accounts", "billing", "generation"}
names = pytest.mark.parametrize("model", MAKERS, ids=lambda model: model.__name__)


@names
@pytest.mark.usefixtures("root")
def test_a_list_shows_its_rows_and_their_pages(client, model):
    row = MAKERS[model]()

    assert page_of(row) in client.get(list_of(model)).text
    assert client.get(page_of(row)).status_code == 200


@names
@pytest.mark.usefixtures("root")
def test_many_rows_take_as_many_queries_as_one(client, model, django_assert_num_queries):
    MAKERS[model]()
    client.get(list_of(model))
    with django_assert_num_queries(12, exact=False) as few:
        client.get(list_of(model))
    for _ in range(29):
        MAKERS[model]()

    with django_assert_num_queries(len(few.captured_queries)):
        client.get(list_of(model))


@names
@pytest.mark.usefixtures("root")
def test_no_list_counts_or_reads_a_whole_table(client, model, django_assert_num_queries):
    MAKERS[model]()
    table = model._meta.db_table
    with django_assert_num_queries(12, exact=False) as queries:
        client.get(list_of(model))

    of_table = [each["sql"] for each in queries.captured_queries if f'"{table}"' in each["sql"]]
    assert of_table
    assert [sql for sql in of_table if "LIMIT" not in sql and "DISTINCT" in sql] == []
    assert [sql for sql in of_table if "COUNT(" in sql and "LIMIT" not in sql] == []


@names
@pytest.mark.usefixtures("root")
def test_rows_are_only_read(client, model):
    row = MAKERS[model]()
    add = list_of(model) + "add/"

    assert client.get(add).status_code == 403
    assert client.post(page_of(row), {}).status_code == 403
    assert client.post(page_of(row).replace("change", "delete"), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


@names
def test_customers_and_visitors_see_none(client, model, alice):
    assert client.get(list_of(model)).status_code == 302
    client.force_login(alice)
    assert client.get(list_of(model), follow=True).status_code == 403


@pytest.mark.parametrize("model", OWNED, ids=lambda model: model.__name__)
@pytest.mark.usefixtures("root")
def test_rows_are_found_by_their_owner(client, model):
    mine, other = MAKERS[model](), MAKERS[model]()
    owned = next((getattr(mine, name) for name in OWNERS if hasattr(mine, name)), mine)

    page = client.get(list_of(model), {"q": owned.user.email[:-4]}).text

    assert page_of(mine) in page
    assert page_of(other) not in page


@pytest.mark.parametrize(
    ("model", "field"),
    [
        (Wallet, "pk"),
        (Grant, "reference"),
        (Hold, "reference"),
        (Entry, "reference"),
        (Subscription, "provider_subscription_id"),
        (StripeEvent, "pk"),
        (Job, "pk"),
        (Image, "pk"),
        (Image, "job_id"),
        (ApiKey, "pk"),
        (ApiKey, "prefix"),
        (ApiKey, "name"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
@pytest.mark.usefixtures("root")
def test_rows_are_found_by_what_identifies_them(client, model, field):
    mine, other = MAKERS[model](), MAKERS[model]()

    page = client.get(list_of(model), {"q": str(getattr(mine, field))}).text

    assert page_of(mine) in page
    assert page_of(other) not in page


@pytest.mark.parametrize("term", ["nothing", "00000000-0000-0000-0000-000000000000", "9" * 40])
@pytest.mark.parametrize("model", [*OWNED, StripeEvent], ids=lambda model: model.__name__)
@pytest.mark.usefixtures("root")
def test_what_is_not_there_is_not_found(client, model, term):
    row = MAKERS[model]()

    page = client.get(list_of(model), {"q": term})

    assert page.status_code == 200
    assert page_of(row) not in page.text


@names
@pytest.mark.usefixtures("root")
def test_every_link_in_a_list_leads_somewhere(client, model):
    MAKERS[model]()
    page = client.get(list_of(model)).text
    table = re.search(r'<table id="result_list">(.*?)</table>', page, re.DOTALL)[1]
    links = {link.replace("&amp;", "&") for link in re.findall(r'href="(/admin/[^"]+)"', table)}

    assert links
    assert {client.get(link).status_code for link in links} == {200}
