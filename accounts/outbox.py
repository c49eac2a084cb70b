"""Mails to be sent: written with the change that they tell of, sent after its commit, until it worked.

A mail may arrive twice, if a worker dies between sending it and noting so; both copies then have one
Message-ID. It is removed once it is sent, so that nobody can read here what was written to whom.
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

from accounts import bells
from accounts.emails import Letter
from accounts.models import Mail, Told, User

log = logging.getLogger(__name__)

# What was given up on is kept for so long, for whoever looks into it.
KEPT = timedelta(days=30)
# Longer than anything lasts that a letter is sent once for.
REMEMBERED = timedelta(days=400)


def send(
    letter: Callable[[], Letter],
    *,
    to: str,
    user: User | None = None,
    language: str | None = None,
) -> Mail:
    """Have a letter sent to `to` once the caller's transaction commits, in the user's language.

    `language` counts where there is no user, or one who has not chosen; else the active one does.
    """
    with override((user.language if user else "") or language or get_language()):
        written = letter()
        mail = Mail.objects.create(
            user=user,
            to=to,
            subject=written.subject,
            text=written.text(),
            html=written.html(),
        )
    transaction.on_commit(partial(bells.ring, "accounts.send_mail", str(mail.pk)))
    return mail


def send_once(letter: Callable[[], Letter], *, user: User, key: str) -> bool:
    """Have a letter sent to the user, unless one was under the same key; returns whether it will be."""
    with transaction.atomic():
        # A second one waits here for the first one's transaction, and then is told no.
        _told, is_news = Told.objects.get_or_create(user=user, key=key)
        if is_news:
            send(letter, to=user.email, user=user)
    return is_news


def deliver(mail_id: str) -> bool:
    """Send a mail if it is due and nobody else does; returns whether it was sent. Safe to call twice.

    A mail server that refuses or does not answer is asked again later.
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
    """Remove what was given up on, and what was told, long ago."""
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
