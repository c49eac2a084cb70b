"""The page of all entries, and the panel of the meter in every page's header."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from billing import ledger, payments, statement
from billing.models import Grant, Payment, Unit
from billing.providers import sandbox
from tests.billing import provider
from tests.billing.books import fund

pytestmark = pytest.mark.django_db

MOVEMENTS = reverse("billing:usage")
METER = reverse("billing:meter")


def hold(user: User, amount: int) -> None:
    ledger.hold(user, unit=Unit.GPU_MS, amount=amount, reference=f"hold:{amount}")


def in_header(page: str) -> tuple[str, str]:
    """The meter's amounts: left and held."""
    left = re.search(r"<span data-balance[^>]*>([^<]*)</span>", page)
    held = re.search(r"data-held=\"[^\"]*\"( hidden)?>([^<]*)</span>", page)
    assert left and held
    return left[1], "" if held[1] else held[2]


@pytest.mark.parametrize("url", [MOVEMENTS, METER])
def test_left_and_held_are_shown(client: Client, alice: User, url: str) -> None:
    fund(alice, 300_000, source=Grant.Source.TOPUP)
    hold(alice, 12_000)
    client.force_login(alice)

    page = client.get(url).text

    assert 'data-left-ms="288000" data-held-ms="12000"' in page
    assert "Top-up" in page
    assert "doesn’t expire" in page


@pytest.mark.parametrize("url", [MOVEMENTS, METER])
def test_a_grant_says_until_when(client: Client, alice: User, url: str) -> None:
    ends = timezone.now() + timedelta(days=3)
    source = Grant.Source.PLAN
    for amount, expires_at in ((60_000, ends), (1_000, timezone.now() - timedelta(1))):
        ledger.grant(
            alice,
            unit=Unit.GPU_MS,
            amount=amount,
            source=source,
            reference=f"grant:{amount}",
            expires_at=expires_at,
        )
    client.force_login(alice)

    page = client.get(url).text

    assert f"until {ends:%b}" in page
    assert "1 min 0 s" in page
    assert 'data-left-ms="60000"' in page


def test_every_page_has_the_meter(client: Client, alice: User) -> None:
    fund(alice, 300_000)
    client.force_login(alice)
    before = in_header(client.get(reverse("billing:plans")).text)

    hold(alice, 12_500)

    assert before == ("5 min 0 s", "")
    assert in_header(client.get(reverse("billing:plans")).text) == ("4 min 47 s", "12.5 s held")


def test_visitors_have_no_meter(client: Client) -> None:
    assert "data-balance" not in client.get(reverse("billing:plans")).text


@pytest.mark.parametrize("url", [MOVEMENTS, METER])
def test_minutes_of_others_are_not_shown(client: Client, alice: User, bob: User, url: str) -> None:
    fund(alice, 300_000, source=Grant.Source.TOPUP)
    hold(alice, 12_000)
    client.force_login(bob)

    page = client.get(url).text

    assert 'data-left-ms="0" data-held-ms="0"' in page
    assert "Top-up" not in page


@pytest.mark.parametrize("url", [MOVEMENTS, METER])
def test_visitors_are_sent_to_sign_in(client: Client, url: str) -> None:
    response = client.get(url)

    assert response["Location"] == f"{reverse('account_login')}?next={url}"


@pytest.mark.parametrize("url", [MOVEMENTS, METER])
def test_minutes_are_only_read(client: Client, alice: User, url: str) -> None:
    client.force_login(alice)

    assert client.post(url).status_code == 405


def test_every_movement_is_listed_a_page_at_a_time(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statement, "MOVEMENTS_PER_PAGE", 2)
    for n in range(1, 4):
        fund(alice, n * 1_000, reference=str(n))
    client.force_login(alice)
    page = client.get(MOVEMENTS).text
    link = re.search(r'href="(\?before=\d+)"', page)

    assert link
    assert re.findall(r"\+(\d)\.000 s", page) == ["3", "2"]
    assert re.findall(r"\+(\d)\.000 s", client.get(MOVEMENTS + link[1]).text) == ["1"]


def test_both_wallets_are_in_one_list_in_the_units_that_people_use(
    client: Client, alice: User
) -> None:
    fund(alice, 20_999_238, reference="time")
    fund(alice, 2_899_500, unit=Unit.CREDITS, reference="credits")
    fund(alice, 1_234, reference="more time")
    client.force_login(alice)

    page = client.get(MOVEMENTS).text

    shown = r'<td class="amount">([^<]*)(?:<br><span class="soft small">([^<]*)</span>)?</td>'
    assert re.findall(shown, page) == [
        ("+1.2 s", "+1.234 s"),
        ("+2,899.5 credits", ""),
        ("+349 min 59 s", "+20,999.238 s"),
    ]
    assert 'data-available-credits="2899500"' in page


def test_both_wallets_are_paged_together(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statement, "MOVEMENTS_PER_PAGE", 2)
    for n in range(6):
        fund(alice, 1_000 + n, unit=list(Unit)[n % 2], reference=str(n))
    pages = [statement.page(alice, alice.wallets.all())]

    while (older := pages[-1].older) is not None:
        pages.append(statement.page(alice, alice.wallets.all(), before=older))

    amounts = [[movement.amount for movement in page.movements] for page in pages]
    assert amounts == [[1_005, 1_004], [1_003, 1_002], [1_001, 1_000]]


def test_a_charge_leads_to_its_picture_and_a_purchase_to_its_invoice(
    client: Client, alice: User
) -> None:
    payment = provider.buy(alice, "credits-2900")
    job = uuid4()
    ledger.hold(alice, unit=Unit.CREDITS, amount=900, reference=f"job:{job}")
    ledger.capture(f"job:{job}", amount=500)
    sandbox.refund(payment.payment_intent_id, cents=payment.cents)
    payments.synchronize(payment.payment_intent_id)
    client.force_login(alice)

    refund, charge, purchase = statement.page(alice, alice.wallets.all()).movements
    page = client.get(MOVEMENTS).text

    assert (charge.job_url, charge.invoice_url) == (reverse("job", args=[job]), "")
    invoice = reverse("billing:invoice", args=[payment.pk])
    assert {purchase.invoice_url, refund.invoice_url} == {invoice}
    assert page.count(invoice) == 2
    assert charge.job_url in page
    assert "2,900 API credits" in page


def test_a_purchase_without_an_invoice_leads_to_the_payments(alice: User) -> None:
    provider.buy(alice, "minutes-100")
    Payment.objects.update(invoice_id="")

    [purchase] = statement.page(alice, alice.wallets.all()).movements

    assert purchase.invoice_url == reverse("billing:plan") + "#invoices"


def test_what_the_operator_takes_back_is_no_picture(client: Client, alice: User) -> None:
    fund(alice, 60_000)
    ledger.adjust(alice, unit=Unit.GPU_MS, amount=-5_000, reference="adjustment:1", note="Sorry")
    client.force_login(alice)

    page = client.get(MOVEMENTS).text

    assert ">Picture<" not in page
    assert "−5.0 s" in page
    assert "Sorry" in page


def test_an_empty_statement_says_so(client: Client, alice: User) -> None:
    client.force_login(alice)

    assert "Nothing yet." in client.get(MOVEMENTS).text


@pytest.mark.parametrize("before", ["yesterday", "1" * 19])
def test_a_page_that_cannot_be_is_not_found(client: Client, alice: User, before: str) -> None:
    client.force_login(alice)

    assert client.get(MOVEMENTS, {"before": before}).status_code == 404


def buy_and_spend(user: User, name: str) -> None:
    """A purchase in each unit, and a charge."""
    provider.buy(user, "credits-2900")
    provider.buy(user, "minutes-100")
    ledger.hold(user, unit=Unit.GPU_MS, amount=1_000, reference=name)
    ledger.capture(name, amount=1_000)


def test_many_movements_take_as_many_queries_as_one(
    client: Client, alice: User, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    client.force_login(alice)
    buy_and_spend(alice, "0")
    client.get(MOVEMENTS)
    with django_assert_num_queries(12, exact=False) as few:
        client.get(MOVEMENTS)
    for n in range(1, 10):
        buy_and_spend(alice, str(n))

    with django_assert_num_queries(len(few.captured_queries)):
        client.get(MOVEMENTS)
