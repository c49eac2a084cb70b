"""Email backend for development: .eml files, with codes and links printed to the terminal."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

LINK = re.compile(r"https?://\S+")


class FolderBackend(BaseEmailBackend):
    """Writes each email to EMAIL_FILE_PATH; prints its subject, which contains any code, and its links."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(settings.EMAIL_FILE_PATH)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for mail in email_messages:
            self._write(mail, folder=folder)
        return len(email_messages)

    def _write(self, mail: EmailMessage, *, folder: Path) -> None:
        # Two emails of the same moment differ in their Message-ID, which exists once the message does.
        message = mail.message()
        unique = re.sub(r"\W", "", message["Message-ID"].split("@")[0])
        path = folder / f"{timezone.now():%Y%m%d-%H%M%S}-{unique}.eml"
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(message.as_bytes())
        links = [link for link in LINK.findall(str(mail.body)) if link != settings.SITE_URL]
        for line in (mail.subject, *links):
            sys.stdout.write(f"mail to {', '.join(mail.to)}: {line}\n")
        sys.stdout.flush()
