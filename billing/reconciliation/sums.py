"""Wallets, grants and holds against the entries and holds that they sum."""

from collections.abc import Iterator

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from billing.models import Entry, Grant, Hold, Wallet


def differences() -> Iterator[str]:
    """Each comparison is one statement, so both of its sides are of one moment."""
    yield from _wallets()
    yield from _grants()
    yield from _holds()


def _wallets() -> Iterator[str]:
    open_holds = Hold.objects.filter(status=Hold.Status.OPEN)
    wallets = Wallet.objects.annotate(
        moved=_sum_by_wallet(Entry.objects.all(), "amount"),
        left=_sum_by_wallet(Grant.objects.all(), "remaining"),
        promised=_sum_by_wallet(open_holds, "amount"),
    ).exclude(balance=F("moved"), left=F("moved"), held=F("promised"))
    for wallet in wallets.order_by("pk"):
        name = f"wallet {wallet.pk} ({wallet.unit} of user {wallet.user_id})"
        if wallet.balance != wallet.moved:
            yield f"{name}: the balance is {wallet.balance}, its entries sum to {wallet.moved}"
        if wallet.balance != wallet.left:
            yield f"{name}: the balance is {wallet.balance}, {wallet.left} is left of its grants"
        if wallet.held != wallet.promised:
            yield f"{name}: held is {wallet.held}, its open holds sum to {wallet.promised}"


def _grants() -> Iterator[str]:
    grants = Grant.objects.annotate(moved=Coalesce(Sum("entries__amount"), 0))
    wrong = grants.exclude(remaining=F("moved")).order_by("pk")
    for pk, reference, remaining, moved in wrong.values_list(
        "pk", "reference", "remaining", "moved"
    ):
        yield f"grant {pk} ({reference}): {remaining} remains, its entries sum to {moved}"
    for entry in Entry.objects.exclude(wallet=F("grant__wallet")).order_by("pk"):
        yield f"entry {entry.pk} ({entry.reference}): its grant is another wallet's"


def _holds() -> Iterator[str]:
    holds = Hold.objects.annotate(
        due=Coalesce("captured", 0), spent=-Coalesce(Sum("entries__amount"), 0)
    )
    for hold in holds.exclude(due=F("spent")).order_by("pk"):
        yield (
            f"hold {hold.pk} ({hold.reference}, {hold.status}): {hold.due} was captured, "
            f"its entries sum to {hold.spent}"
        )
    strays = Entry.objects.filter(~Q(wallet=F("hold__wallet")), hold__isnull=False)
    for entry in strays.order_by("pk"):
        yield f"entry {entry.pk} ({entry.reference}): its hold is another wallet's"


def _sum_by_wallet(
    rows: QuerySet[Entry] | QuerySet[Grant] | QuerySet[Hold], field: str
) -> Coalesce:
    sums = rows.filter(wallet=OuterRef("pk")).order_by().values("wallet").annotate(sum=Sum(field))
    return Coalesce(Subquery(sums.values("sum")), 0)
