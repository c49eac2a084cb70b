"""Outgoing emails: stored in the transaction that causes them, sent after its commit, retried on failure.

An email arrives twice if a worker dies between sending it and deleting its row; both copies have the same
Message-ID. Sent rows are deleted, so that nobody can read old emails here.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import get_language, override

from accounts import bells, time_zones
from accounts.emails import Email
from accounts.models import Mail, Told, User

log = logging.getLogger(__name__)

# Emails without attempts left are kept for this long, for operators.
KEPT = timedelta(days=30)
# Longer than any event lasts that an email is sent once for.
REMEMBERED = timedelta(days=400)


def send(
    email: Callable[[], Email],
    *,
    to: str,
    user: User | None = None,
    language: str | None = None,
) -> Mail:
    """Send an email to `to` once the caller's transaction commits, in the user's language
    and time zone.

    `language` applies without a user, or if the user chose none; the default is the active language.
    """
    language = (user.language if user else "") or language or get_language()
    with override(language), timezone.override(time_zones.of(user)):
        content = email()
        mail = Mail.objects.create(
            user=user,
            to=to,
            subject=content.subject,
            text=content.text(),
            html=content.html(),
        )
    transaction.on_commit(partial(bells.ring, "accounts.send_mail", str(mail.pk)))
    return mail


def send_once(email: Callable[[], Email], *, user: User, key: str) -> bool:
    """Send an email to the user unless one was sent under this key; returns whether it is sent."""
    with transaction.atomic():
        # A concurrent caller waits here for the first one's transaction, and then finds its row.
        _told, is_new = Told.objects.get_or_create(user=user, key=key)
        if is_new:
            send(email, to=user.email, user=user)
    return is_new


def deliver(mail_id: str) -> bool:
    """Send an email if it is due and unclaimed; returns whether it was sent. Safe to call twice.

    An email that the mail server refuses, or does not answer for, is retried later.
    """
    mail = Mail.objects.claim(mail_id)
    if mail is None:
        return False
    try:
        _message(mail).send()
    except OSError as error:
        log.warning("mail %s was not sent, attempt %d: %s", mail.pk, mail.attempts, error)
        mail.postpone(error=f"{type(error).__name__}: {error}"[:500])
        return False
    mail.delete()
    return True


def prune() -> None:
    """Delete old emails without attempts left, and old Told rows."""
    Mail.objects.filter(attempts__gte=Mail.MAX_ATTEMPTS, due_at__lt=Now() - KEPT).delete()
    Told.objects.filter(at__lt=timezone.now() - REMEMBERED).delete()


def _message(mail: Mail) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(
        mail.subject,
        mail.text,
        to=[mail.to],
        headers={
            "Auto-Submitted": "auto-generated",
            "Message-ID": f"<{mail.pk}@{urlsplit(settings.SITE_URL).hostname}>",
        },
    )
    message.attach_alternative(mail.html, "text/html")
    return message
