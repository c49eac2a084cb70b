"""The cast, and the rows that stand around it. Alice and Bob subscribe; Charlie only tries."""

from allauth.account.models import EmailAddress

from accounts.models import User
from billing import checkouts, sandbox, subscriptions
from billing.gateway import Urls
from billing.models import Interval, Subscription
from billing.plans import PLANS

PASSWORD = "correct horse battery staple"


def make_user(email: str, **fields: object) -> User:
    """A user who confirmed the address and has nothing to spend."""
    user = User.objects.create_user(email, PASSWORD, **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def subscribe(
    user: User, *, plan: str = "basic", interval: Interval = Interval.MONTH
) -> Subscription:
    """Take the user through the sandbox's checkout, to a plan whose first period has just begun."""
    page = checkouts.subscribe(user, PLANS[plan], interval, urls=Urls(success="", cancel=""))
    checkout_id = page.rstrip("/").split("/")[-1]
    sandbox.pay(checkout_id)
    subscription = checkouts.complete(user, checkout_id=checkout_id)
    assert isinstance(subscription, Subscription)
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
