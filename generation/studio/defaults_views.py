"""Account page for the studio's default settings."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.requests import user_of
from generation.studio import saved_defaults
from generation.studio.saved_defaults import DefaultsForm


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def studio_defaults(request: HttpRequest) -> HttpResponse:
    """generation/defaults.html

    form: DefaultsForm; posts to itself.
    """
    user = user_of(request)
    form = DefaultsForm(request.POST or None, initial=saved_defaults.initial(user))
    if not form.is_valid():
        return render(request, "generation/defaults.html", {"form": form})
    form.save(user)
    messages.success(request, _("The studio starts with these settings from now on."))
    return redirect("studio_defaults")
