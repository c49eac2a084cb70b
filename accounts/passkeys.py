"""Passkey forms that reject malformed input; allauth's own forms raise errors on it."""

import json
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


class _Decoder(json.JSONDecoder):
    """Refuses as invalid JSON what is nested too deeply, or could not be shown in the form again."""

    def decode(self, s: str, *args: Any) -> Any:
        try:
            value = super().decode(s, *args)
            json.dumps(value, ensure_ascii=False).encode()
        except (RecursionError, ValueError) as error:
            raise json.JSONDecodeError("unreadable", s[:100], 0) from error
        return value


class _Credential:
    """Mixin for forms with a credential, which a script sends as JSON."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["credential"].decoder = _Decoder  # type: ignore[attr-defined]  # the form's


class _NewCredential(_Credential):
    """Mixin for forms whose `clean` parses a new credential."""

    def clean(self) -> dict[str, Any]:
        with refused_if_malformed():
            cleaned: dict[str, Any] = super().clean()  # type: ignore[misc]  # the form's
        return cleaned


class _KnownCredential(_Credential):
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
