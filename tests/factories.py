"""The cast, and the rows that stand around it. Alice and Bob subscribe; Charlie only tries."""

from datetime import timedelta

from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts.models import User
from billing import ledger, subscriptions
from billing.models import Grant, Subscription, Unit
from billing.plans import PLANS

PASSWORD = "correct horse battery staple"


def make_user(email: str, **fields: object) -> User:
    """A user who confirmed the address and has nothing to spend."""
    user = User.objects.create_user(email, PASSWORD, **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def subscribe(user: User, *, plan: str = "basic") -> Subscription:
    """Put the user on a plan whose current month has just begun."""
    start = timezone.now()
    subscription = Subscription.objects.create(
        user=user,
        plan=plan,
        status=Subscription.Status.ACTIVE,
        provider="sandbox",
        provider_subscription_id=f"sub_{user.pk}",
        current_period_start=start,
        current_period_end=start + timedelta(days=30),
    )
    ledger.grant(
        user,
        unit=Unit.GPU_MS,
        amount=PLANS[plan].gpu_ms,
        source=Grant.Source.PLAN,
        reference=f"plan:{subscription.provider_subscription_id}",
        expires_at=subscription.current_period_end,
    )
    return subscription


def alice() -> User:
    user = make_user("alice@example.com")
    subscribe(user)
    return user


def bob() -> User:
    user = make_user("bob@example.com")
    subscribe(user)
    return user


def charlie() -> User:
    user = make_user("charlie@example.com")
    subscriptions.start_trial(user, email=user.email)
    return user
