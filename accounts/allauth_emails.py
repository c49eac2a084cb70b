"""Emails sent by allauth, by the names of its templates."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import time_zones, user_agents
from accounts.emails import Email, link

Context = Mapping[str, Any]
NOT_YOU = gettext_lazy("If this was not you, you can ignore this message: nothing happens.")


def build(prefix: str, context: Context) -> Email:
    """The email that replaces allauth's templates under `prefix`. Raises KeyError."""
    return EMAILS[prefix](context)


def _confirm_address(context: Context) -> Email:
    return Email(
        subject=_("%(code)s is your code for %(site)s")
        % {"code": context["code"], "site": settings.SITE_NAME},
        paragraphs=[_("Type this code into the page that asks for it. It is good for 15 minutes.")],
        code=context["code"],
        after=[_("We never ask for it by phone or chat."), str(NOT_YOU)],
    )


def _account_exists(context: Context) -> Email:
    return Email(
        subject=_("You have an account already"),
        paragraphs=[
            _(
                "Somebody, likely you, wanted to sign up for %(site)s with this address. It has an "
                "account already: just sign in. If you forgot the password, choose a new one."
            )
            % {"site": settings.SITE_NAME}
        ],
        action=(_("Choose a new password"), context["password_reset_url"]),
        after=[str(NOT_YOU)],
    )


def _no_account(context: Context) -> Email:
    return Email(
        subject=_("There is no account with this address"),
        paragraphs=[
            _(
                "Somebody, likely you, wanted to get into an account of %(site)s with this address, "
                "but there is none. You may have signed up with another address."
            )
            % {"site": settings.SITE_NAME}
        ],
        action=(_("Sign up"), context["signup_url"]),
        after=[str(NOT_YOU)],
    )


def _reset_password(context: Context) -> Email:
    return Email(
        subject=_("Choose a new password"),
        paragraphs=[
            _("Somebody, likely you, asked for a new password for this account."),
            _("The link works once, within three days."),
        ],
        action=(_("Choose a new password"), context["password_reset_url"]),
        after=[_("If this was not you, you can ignore this message: your password stays.")],
    )


def _changed(context: Context, *, subject: Promise, sentence: Promise) -> Email:
    """An email about a security-relevant change, with the IP address and browser behind it."""
    return Email(
        subject=str(subject),
        paragraphs=[str(sentence) % context],
        facts=[
            (_("When"), time_zones.named(context["timestamp"])),
            (_("Browser"), user_agents.name(context["user_agent"])),
            (_("IP address"), context["ip"]),
        ],
        action=(_("Look at your account"), link("mfa_index")),
        after=[
            _(
                "If this was not you, choose a new password at once, and sign out everywhere else "
                "on the page of your devices."
            )
        ],
    )


def _change(subject: Promise, sentence: Promise) -> Callable[[Context], Email]:
    return partial(_changed, subject=subject, sentence=sentence)


EMAILS: Mapping[str, Callable[[Context], Email]] = {
    "account/email/email_confirmation": _confirm_address,
    "account/email/email_confirmation_signup": _confirm_address,
    "account/email/account_already_exists": _account_exists,
    "account/email/unknown_account": _no_account,
    "account/email/password_reset_key": _reset_password,
    "account/email/password_reset": _change(
        gettext_lazy("Your password was reset"),
        gettext_lazy("A new password was chosen through a link that we had sent you."),
    ),
    "account/email/password_changed": _change(
        gettext_lazy("Your password was changed"),
        gettext_lazy(
            "The password of your account was changed. All other devices were signed out."
        ),
    ),
    "account/email/password_set": _change(
        gettext_lazy("Your account has a password now"),
        gettext_lazy("A password was set for your account. All other devices were signed out."),
    ),
    "account/email/email_changed": _change(
        gettext_lazy("Your email address was changed"),
        gettext_lazy("Your account moved from %(from_email)s to %(to_email)s."),
    ),
    "account/email/email_confirm": _change(
        gettext_lazy("Your email address was confirmed"),
        gettext_lazy("Your email address was confirmed."),
    ),
    "account/email/email_deleted": _change(
        gettext_lazy("An email address was removed"),
        gettext_lazy("The address %(deleted_email)s was removed from your account."),
    ),
    "mfa/email/totp_activated": _change(
        gettext_lazy("An authenticator app was added"),
        gettext_lazy("From now on, signing in with your password takes a code from your app, too."),
    ),
    "mfa/email/totp_deactivated": _change(
        gettext_lazy("Your authenticator app was removed"),
        gettext_lazy("Signing in no longer takes a code from your authenticator app."),
    ),
    "mfa/email/webauthn_added": _change(
        gettext_lazy("A passkey was added"),
        gettext_lazy("A new passkey can sign in to your account."),
    ),
    "mfa/email/webauthn_removed": _change(
        gettext_lazy("A passkey was removed"),
        gettext_lazy("A passkey can no longer sign in to your account."),
    ),
    "mfa/email/recovery_codes_generated": _change(
        gettext_lazy("You have new recovery codes"),
        gettext_lazy("New recovery codes were made for your account. The old ones no longer work."),
    ),
    "socialaccount/email/account_connected": _change(
        gettext_lazy("Another way to sign in was added"),
        gettext_lazy("An account at %(provider)s can sign in to your account now."),
    ),
    "socialaccount/email/account_disconnected": _change(
        gettext_lazy("A way to sign in was removed"),
        gettext_lazy("Your account at %(provider)s can no longer sign in to your account."),
    ),
}

_SAMPLE_CONTEXT: Context = {
    "code": "WXKD-PLRM",
    "password_reset_url": "https://example.com/accounts/password/reset/key/1-abc/",
    "signup_url": "https://example.com/accounts/signup/",
    "timestamp": datetime(2026, 5, 8, 12, tzinfo=UTC),
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
    "ip": "203.0.113.7",
    "from_email": "old@example.com",
    "to_email": "new@example.com",
    "deleted_email": "old@example.com",
    "provider": "GitHub",
}
# An example of every email in this module, for tests and previews.
SAMPLES: Mapping[str, Callable[[], Email]] = {
    prefix.split("/")[-1]: partial(build, prefix, _SAMPLE_CONTEXT) for prefix in EMAILS
}
