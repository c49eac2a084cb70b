"""The statement: every movement of a user's wallets, each with the page of its picture or its invoice."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import User
from billing import payments
from billing.models import Entry, Payment, Wallet

MOVEMENTS_PER_PAGE = 50
# `Job.hold_reference`, of jobs that stand above this app.
_JOB = re.compile(r"job:([0-9a-f-]{36})")


@dataclass(frozen=True, kw_only=True)
class Movement:
    """A change of one wallet. `payment` is the one that brought the grant, if it was bought."""

    entry: Entry
    payment: Payment | None

    @property
    def unit(self) -> str:
        return self.entry.wallet.unit

    @property
    def amount(self) -> int:
        return self.entry.amount

    @property
    def at(self) -> datetime:
        return self.entry.created_at

    @property
    def is_job(self) -> bool:
        """True for a charge; an adjustment downwards has a hold as well."""
        return self.entry.kind == Entry.Kind.CAPTURE

    @property
    def job_url(self) -> str:
        """The page of the job with its receipt; empty for everything but a charge."""
        job = _JOB.fullmatch(self.entry.hold.reference) if self.is_job and self.entry.hold else None
        return reverse("job", args=[UUID(job[1])]) if job else ""

    @property
    def invoice_url(self) -> str:
        """The invoice; a payment of nothing has none, and leads to the list of payments."""
        if self.payment is None or self.is_job:
            return ""
        if self.payment.invoice_id:
            return reverse("billing:invoice", args=[self.payment.pk])
        return reverse("billing:plan") + "#invoices"


@dataclass(frozen=True)
class Page:
    """`older` is the entry before which the next page begins; None on the last."""

    movements: list[Movement]
    older: int | None


def page(user: User, wallets: Iterable[Wallet], *, before: int | None = None) -> Page:
    """A page of the statement of the user's wallets, the newest first. Two queries, however long it is."""
    entries = _entries(list(wallets), before=before)
    shown = entries[:MOVEMENTS_PER_PAGE]
    bought = _payments(user, shown)
    movements = [
        Movement(entry=entry, payment=bought.get(payments.reference_in(entry.grant.reference)))
        for entry in shown
    ]
    return Page(movements, shown[-1].pk if len(entries) > len(shown) else None)


def _entries(wallets: Sequence[Wallet], *, before: int | None) -> list[Entry]:
    """One more than a page, if there are so many.

    Each wallet is read by itself, because its index has the order of its entries.
    """
    if not wallets:
        return []
    size = MOVEMENTS_PER_PAGE + 1
    first, *others = (_latest(wallet, before=before)[:size] for wallet in wallets)
    latest = Entry.objects.filter(pk__in=first.union(*others, all=True))
    related = ("wallet", "grant", "hold")
    return list(latest.select_related(*related).order_by("-id")[:size])


def _latest(wallet: Wallet, *, before: int | None) -> QuerySet[Entry, int]:
    entries = Entry.objects.filter(wallet=wallet).order_by("-id")
    if before is not None:
        entries = entries.filter(pk__lt=before)
    return entries.values_list("pk", flat=True)


def _payments(user: User, entries: Iterable[Entry]) -> dict[str | None, Payment]:
    references = {payments.reference_in(entry.grant.reference) for entry in entries} - {None}
    found = Payment.objects.filter(user=user, reference__in=references)
    return {payment.reference: payment for payment in found}
