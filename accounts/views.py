"""Pages for a user's settings and devices; allauth's own views show the rest."""

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import sessions as devices
from accounts import user_agents
from accounts.forms import SettingsForm
from accounts.requests import user_of


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    """accounts/settings.html

    form: SettingsForm (language, time zone, theme); posts to itself.
    """
    user = user_of(request)
    form = SettingsForm(request.POST or None, instance=user)
    if not form.is_valid():
        return render(request, "accounts/settings.html", {"form": form})
    form.save()
    with override(user.language or request.LANGUAGE_CODE):
        messages.success(request, _("Your settings were saved."))
    return redirect("accounts:settings")


@login_required
@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    """accounts/sessions.html

    sessions: list of dicts (session: UserSession, name: str, is_current: bool), this device first.
    """
    listed = [
        {
            "session": session,
            "name": user_agents.name(session.user_agent),
            "is_current": session.session_key == request.session.session_key,
        }
        for session in devices.live(user_of(request))
    ]
    listed.sort(key=lambda each: not each["is_current"])
    return render(request, "accounts/sessions.html", {"sessions": listed})


@login_required
@require_POST
def session_end(request: HttpRequest, session_id: int) -> HttpResponse:
    session = get_object_or_404(UserSession, pk=session_id, user=user_of(request))
    devices.end(session)
    messages.success(request, _("That device was signed out."))
    return redirect("accounts:sessions")


@login_required
@require_POST
def sessions_end_others(request: HttpRequest) -> HttpResponse:
    devices.end_all(user_of(request), keep=request.session.session_key)
    messages.success(request, _("All other devices were signed out."))
    return redirect("accounts:sessions")
