"""The cast, and the rows that stand around it. Alice and Bob subscribe; Charlie only tries."""

import itertools
from ipaddress import IPv4Address

from allauth.account.models import EmailAddress
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing import checkouts, subscriptions
from billing.models import Interval, Subscription
from billing.plans import PLANS
from billing.providers import sandbox
from billing.providers.protocol import Urls

PASSWORD = "correct horse battery staple"
# A new address for each sign-in: sign-ins are limited by address.
ADDRESSES = map(str, map(IPv4Address, itertools.count(int(IPv4Address("198.18.0.1")))))


def make_user(email: str, **fields: object) -> User:
    """A user who confirmed the address and has nothing to spend."""
    user = User.objects.create_user(email, PASSWORD, **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def session_of(user: User) -> str:
    """The key of a new session, signed in with PASSWORD."""
    client = Client(SERVER_NAME="127.0.0.1", REMOTE_ADDR=next(ADDRESSES))
    client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    return client.cookies[settings.SESSION_COOKIE_NAME].value


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
