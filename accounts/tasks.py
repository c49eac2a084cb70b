"""Celery tasks. A message may be lost, late or repeated: beat rings again for open work."""

import logging

from celery import shared_task
from django.core.management import call_command

from accounts import deletion, exports, outbox, sessions
from accounts.models import Export, Mail

log = logging.getLogger(__name__)


@shared_task(name="accounts.send_mail")
def send_mail(mail_id: str) -> None:
    outbox.deliver(mail_id)


@shared_task(name="accounts.send_mails")
def send_mails() -> None:
    for mail_id in Mail.objects.ids():
        send_mail.delay(mail_id)


@shared_task(name="accounts.make_export")
def make_export(export_id: str) -> None:
    exports.make(export_id)


@shared_task(name="accounts.make_exports")
def make_exports() -> None:
    exports.give_up()
    for export_id in Export.objects.ids():
        make_export.delay(export_id)


@shared_task(name="accounts.erase")
def erase(user_id: str) -> None:
    """Erase a closed account; beat retries it while a part of it is still in use."""
    try:
        deletion.erase(int(user_id))
    except deletion.NotYet as reason:
        log.info("account %s cannot be erased yet: %s", user_id, reason)


@shared_task(name="accounts.erase_accounts")
def erase_accounts() -> None:
    for user_id in deletion.waiting():
        erase.delay(str(user_id))


@shared_task(name="accounts.tidy")
def tidy() -> None:
    """Delete expired exports, sign-ups, emails and sessions."""
    exports.expire()
    deletion.forget_unconfirmed()
    outbox.prune()
    call_command("clearsessions")
    sessions.prune()
