"""Account deletion: the account closes at once, and a task then erases its data.

Rows that cascade from the user are deleted. Protected rows (money) stay, and so does the user's row,
without any personal data.
"""

import logging
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models import CASCADE, ManyToOneRel
from django.utils import timezone

from accounts import bells, emails, outbox, sessions, signals
from accounts.models import Theme, User

log = logging.getLogger(__name__)

# Sign-ups without a confirmed email address are removed after this time.
UNCONFIRMED = timedelta(days=7)


class NotYet(Exception):
    """A part of the account is still in use; try again in a moment."""


def request(user: User) -> None:
    """Close the account and schedule its erasure. Safe to call twice.

    This is final: nobody can sign in to the account again.
    """
    with transaction.atomic():
        user.is_active = False
        user.closed_at = user.closed_at or timezone.now()
        user.save(update_fields=["is_active", "closed_at"])
        sessions.end_all(user)
        transaction.on_commit(partial(bells.ring, "accounts.erase", str(user.pk)))


def erase(user_id: int) -> bool:
    """Erase a closed account; returns False if there is nothing to erase. Safe to repeat.

    Raises NotYet, or any error of a receiver of `erasing`, such as an unreachable payment provider.
    """
    user = User.objects.filter(pk=user_id, closed_at__isnull=False, erased_at=None).first()
    if user is None:
        return False
    signals.erasing.send(sender=User, user=user)
    _delete_rows(user)
    _forget_person(user)
    log.info("account %s was erased", user_id)
    return True


def forget_unconfirmed() -> None:
    """Delete sign-ups whose email address was not confirmed in time: it may be somebody else's."""
    long_ago = timezone.now() - UNCONFIRMED
    strangers = User.objects.filter(date_joined__lt=long_ago, last_login=None, is_staff=False)
    strangers.filter(emailaddress__verified=False).exclude(emailaddress__verified=True).delete()


def waiting() -> list[int]:
    """The ids of closed accounts that are not erased yet, at most a hundred."""
    closed = User.objects.filter(closed_at__isnull=False, erased_at=None)
    return list(closed.order_by("closed_at").values_list("pk", flat=True)[:100])


def cascading() -> list[ManyToOneRel]:
    """Relations to the user that cascade on deletion."""
    relations = User._meta.get_fields(include_hidden=True)
    return [
        each for each in relations if isinstance(each, ManyToOneRel) and each.on_delete is CASCADE
    ]


def _delete_rows(user: User) -> None:
    for relation in cascading():
        rows = relation.related_model._base_manager
        rows.filter(**{relation.field.name: user}).delete()


@transaction.atomic
def _forget_person(user: User) -> None:
    address, language = user.email, user.language
    user.email = f"deleted-{user.pk}@deleted.invalid"
    user.first_name = user.last_name = user.language = ""
    user.time_zone = user.browser_time_zone = ""
    user.theme = Theme.SYSTEM
    user.studio_defaults = {}
    user.last_login = None
    user.is_staff = user.is_superuser = False
    user.set_unusable_password()
    user.erased_at = timezone.now()
    user.save()
    outbox.send(emails.account_deleted, to=address, language=language)
