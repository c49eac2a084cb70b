from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_http_methods

from accounts.forms import SettingsForm
from accounts.models import User


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    """accounts/settings.html

    form: SettingsForm (language, theme); posts to itself.
    """
    assert isinstance(request.user, User)
    form = SettingsForm(request.POST or None, instance=request.user)
    if not form.is_valid():
        return render(request, "accounts/settings.html", {"form": form})
    form.save()
    with override(request.user.language or request.LANGUAGE_CODE):
        messages.success(request, _("Your settings were saved."))
    return redirect("accounts:settings")
