"""Adapters through which allauth is configured in code."""

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as current
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.forms import ValidationError
from django.utils.crypto import salted_hmac

from accounts import allauth_emails, outbox, rate_limits, user_agents
from accounts.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # it has no types
    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        # Computed in every case, so that an address with an account takes no longer than one without.
        user = User.objects.filter(email=email).first()
        outbox.send(
            lambda: allauth_emails.build(template_prefix, context),
            to=email,
            user=context.get("user") or user,
        )

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        super().send_notification_mail(
            template_prefix, user, {**(context or {}), "user": user}, email
        )

    def validation_error(self, code: str, *args: Any) -> ValidationError:
        """Raises the rate limit's 429 for too many failed attempts, instead of a form error."""
        if code == "too_many_login_attempts":
            seconds = rate_limits.longest("login_failed")
            response = rate_limits.too_many_requests(current.request, seconds=seconds)
            raise ImmediateHttpResponse(response)
        error: ValidationError = super().validation_error(code, *args)
        return error


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # it has no types
    """Encrypts the secrets of authenticator apps, and names the site in them."""

    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _cipher().decrypt(encrypted_text.encode()).decode()

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        """A passkey's name: the browser and system that created it."""
        return user_agents.name(current.request.headers.get("User-Agent", ""))

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": settings.SITE_NAME}


def _cipher() -> MultiFernet:
    """Encrypts with the site's current key; decrypts with earlier keys, too."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [
        salted_hmac("accounts.mfa", "", secret=key, algorithm="sha256").digest() for key in keys
    ]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
