"""Email contents, rendered as text and HTML, and the emails about an account.

Each function uses the language and the time zone that are active when it is called.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts import time_zones

Fact = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Email:
    """An email's content. `code` is for typing in; `action` is a label and its URL; `after` is small print."""

    subject: str
    paragraphs: Sequence[str]
    facts: Sequence[Fact] = ()
    code: str = ""
    action: tuple[str, str] | None = None
    after: Sequence[str] = ()

    def text(self) -> str:
        return self._render("mail/email.txt").strip() + "\n"

    def html(self) -> str:
        return self._render("mail/email.html")

    def _render(self, template: str) -> str:
        context = {
            "email": self,
            "language": get_language(),
            "site_name": settings.SITE_NAME,
            "site_url": settings.SITE_URL,
        }
        return render_to_string(template, context)


def link(name: str, *args: object) -> str:
    """The absolute URL of a page of this site."""
    return settings.SITE_URL.rstrip("/") + reverse(name, args=args)


def export_ready(*, size: int, expires_at: datetime) -> Email:
    return Email(
        subject=_("Your data is ready to download"),
        paragraphs=[
            _(
                "The copy of your pictures and data that you asked for is ready. "
                "You find it in your account, where you have to be signed in."
            )
        ],
        facts=[
            (_("Size"), filesizeformat(size)),
            (_("Kept until"), time_zones.named(expires_at)),
        ],
        action=(_("Download your data"), link("accounts:data")),
        after=[_("If you did not ask for it, change your password.")],
    )


def export_failed() -> Email:
    return Email(
        subject=_("Your data could not be packed"),
        paragraphs=[
            _(
                "Something went wrong while we packed the copy of your data, several times. "
                "It was noted and will be looked at. Please try again tomorrow."
            )
        ],
        action=(_("Your data"), link("accounts:data")),
    )


def account_deleted() -> Email:
    return Email(
        subject=_("Your account has been deleted"),
        paragraphs=[
            _(
                "Your account is gone, and with it your pictures, prompts, settings, addresses "
                "and ways to sign in. A plan that you had has ended and is not charged again."
            ),
            _(
                "The law has us keep records of payments and of what was used for them. "
                "They no longer say whose they are."
            ),
            _("This is the last message to this address. Thank you for having been here."),
        ],
    )


# An example of every email in this module, for tests and previews.
SAMPLES: Mapping[str, Callable[[], Email]] = {
    "export_ready": lambda: export_ready(
        size=48_000_000, expires_at=datetime(2026, 5, 8, 12, tzinfo=UTC) + timedelta(days=7)
    ),
    "export_failed": export_failed,
    "account_deleted": account_deleted,
}
