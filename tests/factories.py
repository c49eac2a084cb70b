"""The cast, and the rows that stand around it. Alice and Bob subscribe; Charlie only tries."""

from allauth.account.models import EmailAddress

from accounts.models import User
from billing import sandbox, subscriptions
from billing.models import SandboxObject, Subscription
from billing.plans import PLANS

PASSWORD = "correct horse battery staple"


def make_user(email: str, **fields: object) -> User:
    """A user who confirmed the address and has nothing to spend."""
    user = User.objects.create_user(email, PASSWORD, **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def subscribe(user: User, *, plan: str = "basic") -> Subscription:
    """Take the user through the sandbox's checkout, to a plan whose first month has just begun."""
    sandbox.SandboxGateway().create_checkout(
        user, PLANS[plan], success_url="", cancel_url="", idempotency_key=""
    )
    checkout = SandboxObject.objects.filter(type="checkout.session").latest("created_at")
    sandbox.pay(checkout.pk)
    subscription = subscriptions.activate(user, checkout_id=checkout.pk)
    assert subscription is not None
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
