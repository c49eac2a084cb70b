"""Passkey forms that reject malformed input; allauth's own forms raise errors on it."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from django.utils.translation import gettext_lazy as _

# Errors that a malformed credential raises: fido2 parses it without validation.
MALFORMED = (
    ArithmeticError,
    AttributeError,
    InvalidSignature,
    LookupError,
    TypeError,
    UnsupportedAlgorithm,
    ValueError,
    struct.error,
)


@contextmanager
def refused_if_malformed() -> Iterator[None]:
    try:
        yield
    except MALFORMED as error:
        raise get_adapter().validation_error("incorrect_code") from error


class _NewCredential:
    """Mixin for forms whose `clean` parses a new credential."""

    def clean(self) -> dict[str, Any]:
        with refused_if_malformed():
            cleaned: dict[str, Any] = super().clean()  # type: ignore[misc]  # the form's
        return cleaned


class _KnownCredential:
    """Mixin for forms whose `clean_credential` looks up the credential's owner."""

    def clean_credential(self) -> Authenticator:
        with refused_if_malformed():
            found: Authenticator = super().clean_credential()  # type: ignore[misc]  # the form's
        return found


class AddForm(_NewCredential, forms.AddWebAuthnForm):  # type: ignore[misc]  # it has no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name")
        self.fields["name"].help_text = _("So that you can tell your passkeys apart.")
        passwordless = self.fields["passwordless"]
        passwordless.initial = True
        passwordless.label = _("Sign in with it alone, without a password")
        passwordless.help_text = _(
            "Off, it is asked for after your password. Not every security key can do more."
        )


class SignupForm(_NewCredential, forms.SignupWebAuthnForm):  # type: ignore[misc]  # it has no types
    pass


class AuthenticateForm(_KnownCredential, forms.AuthenticateWebAuthnForm):  # type: ignore[misc]  # it has no types
    pass


class LoginForm(_KnownCredential, forms.LoginWebAuthnForm):  # type: ignore[misc]  # it has no types
    pass


class ReauthenticateForm(_KnownCredential, forms.ReauthenticateWebAuthnForm):  # type: ignore[misc]  # it has no types
    pass
