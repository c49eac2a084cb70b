"""Emails about payments and used minutes, each sent once however often its cause is seen."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db.models import Max, Sum
from django.utils import timezone

from accounts import outbox
from accounts.models import User
from billing import emails, ledger, money, plans
from billing.models import Entry, Grant, Payment, Subscription, Unit, Wallet
from billing.plans import PLANS, PRODUCTS, Plan, Product, plan_of

MINUTE_MS = 60_000
# In percent of a period's minutes, the highest first: only that one is announced.
THRESHOLDS = (100, 80)
# Grants for a period. Bought minutes come on top, and don't expire with it.
ALLOWANCE = (Grant.Source.PLAN,)
# Wallets with a capture since then are checked. After a longer outage of beat, a wallet is checked at
# its next capture.
LOOK_BACK = timedelta(hours=1)


@dataclass(frozen=True)
class Allowance:
    """The minutes of the current period. `ends_at` is None for a trial: its minutes don't expire."""

    amount: int
    remaining: int
    ends_at: datetime | None

    def is_used(self, *, percent: int) -> bool:
        """At 100 percent, a rest that is too small for an image counts as used."""
        if percent == 100:
            return self.remaining <= min(MINUTE_MS, self.amount // 100)
        return 100 * (self.amount - self.remaining) >= percent * self.amount


def send_receipt(user: User, payment: Payment) -> None:
    """Send the receipt. Call it in the transaction that records the payment."""
    email = partial(
        emails.receipt,
        name=_name(payment.product),
        amount=money.text(payment.cents, payment.currency),
        number=payment.number,
        paid_at=payment.paid_at or timezone.now(),
    )
    outbox.send_once(email, user=user, key=f"paid:{payment.reference}")


def send_renewal_failed(user: User, payment: Payment) -> None:
    """Announce the failed renewal, once for an invoice. Call it in the transaction that records it."""
    subscription = Subscription.objects.get(user=user)
    email = partial(
        emails.renewal_failed,
        name=_name(payment.product),
        amount=money.text(payment.cents, payment.currency),
        until=plans.grace_ends(subscription),
    )
    outbox.send_once(email, user=user, key=f"renewal_failed:{payment.reference}")


def send_minutes_used_to_all() -> int:
    """Email every user who passed a threshold within LOOK_BACK; returns the number of emails."""
    since = timezone.now() - LOOK_BACK
    spent = Entry.objects.filter(kind=Entry.Kind.CAPTURE, created_at__gte=since)
    wallets = Wallet.objects.filter(unit=Unit.GPU_MS, pk__in=spent.values("wallet"))
    return sum(send_minutes_used(wallet.user) for wallet in wallets.select_related("user"))


def send_minutes_used(user: User) -> bool:
    """Email the user who passed a threshold in this period; False if that was announced before."""
    allowance = _allowance(user)
    if allowance is None or not user.is_active:
        return False
    for percent in THRESHOLDS:
        if allowance.is_used(percent=percent):
            email = partial(
                emails.minutes_used,
                plan=plan_of(user),
                percent=percent,
                left_ms=ledger.available(user, Unit.GPU_MS),
                renews_at=_renews_at(user),
            )
            key = f"minutes:{percent}:{allowance.ends_at or 'trial'}"
            return outbox.send_once(email, user=user, key=key)
    return False


def _allowance(user: User) -> Allowance | None:
    grants = Grant.objects.filter(wallet__user=user, wallet__unit=Unit.GPU_MS)
    current = grants.filter(source__in=ALLOWANCE, expires_at__gt=timezone.now())
    if not grants.exclude(source=Grant.Source.TRIAL).exists():
        current = grants
    sums = current.aggregate(amount=Sum("amount"), left=Sum("remaining"), end=Max("expires_at"))
    if not sums["amount"]:
        return None
    return Allowance(amount=sums["amount"], remaining=sums["left"], ends_at=sums["end"])


def _renews_at(user: User) -> datetime | None:
    subscription = Subscription.objects.filter(user=user).first()
    if subscription is None or not subscription.is_live or subscription.cancel_at_period_end:
        return None
    return subscription.current_period_end


def _name(product: str) -> str:
    known: dict[str, Plan | Product] = {**PLANS, **PRODUCTS}
    return str(known[product].name) if product in known else product
