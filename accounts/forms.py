"""Account forms, including subclasses of allauth's. Forms for passkeys are in `passkeys`."""

from typing import TYPE_CHECKING, Any

from allauth.account import forms as account_forms
from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts import time_zones
from accounts.models import User

if TYPE_CHECKING:
    UserModelForm = forms.ModelForm[User]
else:
    UserModelForm = forms.ModelForm

PASSWORDS = {
    "oldpassword": _("Current password"),
    "password1": _("New password"),
    "password2": _("New password, again"),
}


class SettingsForm(UserModelForm):
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)

    class Meta:
        model = User
        fields = ("language", "time_zone", "theme")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = self.fields["language"]
        language.choices = [("", _("As the browser")), *settings.LANGUAGES]  # type: ignore[attr-defined]
        names = [(name, name.replace("_", " ")) for name in time_zones.offered()]
        zone = self.fields["time_zone"]
        zone.choices = [("", _("As the browser")), *names]  # type: ignore[attr-defined]
        if browsers := self.instance.browser_time_zone:
            zone.help_text = _("Your browser is in %(zone)s.") % {"zone": browsers}


class SignupForm(account_forms.SignupForm):  # type: ignore[misc]  # it has no types
    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """Hashes the password for a known address, too: a faster answer would reveal the account."""
        if self.account_already_exists:
            User().set_password(self.cleaned_data.get("password1"))
        saved: tuple[User | None, HttpResponse | None] = super().try_save(request)
        return saved


class _PasswordLabels:
    """Mixin that labels the password fields."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, forms.Field] = self.fields  # type: ignore[attr-defined]  # the form's
        for name in fields.keys() & PASSWORDS.keys():
            fields[name].label = PASSWORDS[name]


class ChangePasswordForm(_PasswordLabels, account_forms.ChangePasswordForm):  # type: ignore[misc]  # it has no types
    pass


class SetPasswordForm(_PasswordLabels, account_forms.SetPasswordForm):  # type: ignore[misc]  # it has no types
    pass


class ResetPasswordForm(_PasswordLabels, account_forms.ResetPasswordKeyForm):  # type: ignore[misc]  # it has no types
    pass


class ChangeAddressForm(account_forms.AddEmailForm):  # type: ignore[misc]  # it has no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("New address")


class DeletionForm(forms.Form):
    """Confirms the deletion of the account."""

    email = forms.EmailField(
        label=_("Type your email address to confirm"),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user = user

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].strip().lower()
        if email != self._user.email.lower():
            raise forms.ValidationError(_("This is not the address of this account."))
        return email
