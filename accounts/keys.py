"""Create, change, rotate, revoke and look up API keys. The only writer of ApiKey."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import ApiKey, Pays, Scope, User, Window

# Clients that check a key's format expect this prefix.
BEGINNING = "sk-"
PREFIX_LENGTH = len(BEGINNING) + 8
# The last use is for people: a write with every request would be wasted.
USE_IS_NEWS_AFTER = timedelta(minutes=1)
MOST_KEYS = 50


class TooManyKeys(Exception):
    """The user has MOST_KEYS live keys. Nothing was written."""

    def __init__(self) -> None:
        super().__init__(_("You have as many keys as one can have. Revoke one first."))


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Scopes, budget, restrictions and default checkpoint of a key."""

    scopes: Collection[Scope] = tuple(Scope)
    budget: int | None = None
    window: Window = Window.MONTH
    checkpoints: Collection[str] = ()
    max_pixels: int | None = None
    default_checkpoint: str = ""
    origins: Collection[str] = ()
    expires_at: datetime | None = None


def make(
    user: User, *, name: str, limits: Limits | None = None, pays_in: Pays = Pays.CREDITS
) -> tuple[ApiKey, str]:
    """Create a key; returns it with its secret, which is not stored. Raises TooManyKeys."""
    if ApiKey.objects.live().filter(user=user).count() >= MOST_KEYS:
        raise TooManyKeys
    secret = _new_secret()
    key = ApiKey.objects.create(
        user=user, name=name, pays_in=pays_in, **_named(secret), **_columns(limits or Limits())
    )
    return key, secret


def change(key: ApiKey, *, name: str, limits: Limits) -> None:
    """Change a key's name and limits, but not `pays_in`: the budget counts in its unit."""
    ApiKey.objects.filter(pk=key.pk).update(name=name, **_columns(limits))


def rotate(key: ApiKey) -> str:
    """Replace the secret and return the new one. The old one stops working at once."""
    secret = _new_secret()
    ApiKey.objects.filter(pk=key.pk).update(**_named(secret))
    return secret


def revoke(key: ApiKey) -> None:
    """Revoke a key for good. Safe to call twice."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())


def find(secret: str) -> ApiKey | None:
    """The live key with this secret, and its user, in one query; None if there is no such key."""
    return ApiKey.objects.live().select_related("user").filter(digest=_digest(secret)).first()


def note_use(key: ApiKey) -> None:
    """Store the time of the last use, to about a minute."""
    now = timezone.now()
    if key.last_used_at and now - key.last_used_at < USE_IS_NEWS_AFTER:
        return
    is_news = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_IS_NEWS_AFTER)
    ApiKey.objects.filter(is_news, pk=key.pk).update(last_used_at=now)


def keep_options(key: ApiKey, options: dict[str, object]) -> None:
    """Store a client's own settings."""
    key.options = options
    key.save(update_fields=["options"])


def _new_secret() -> str:
    return BEGINNING + secrets.token_hex(24)


def _named(secret: str) -> dict[str, str]:
    return {"prefix": secret[:PREFIX_LENGTH], "digest": _digest(secret)}


def _digest(secret: str) -> str:
    """The SHA-256 of a secret. Secrets are long and random, so a fast hash is enough."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _columns(limits: Limits) -> dict[str, object]:
    lists = {name: [*getattr(limits, name)] for name in ("scopes", "checkpoints", "origins")}
    return asdict(limits) | lists
