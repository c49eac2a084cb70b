"""Admin of users. Accounts are created by sign-up only, and never deleted here."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.db.models import Exists, ForeignObjectRel, Model, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import closing, sessions
from accounts.admin_tools import ListAdmin, ReadOnlyInline, list_link
from accounts.models import User
from accounts.requests import user_of

# A user's page shows these. Allauth's own lists count, search and change more than they should.
admin.site.unregister((EmailAddress, UserSession))


class EmailAddressInline(ReadOnlyInline):
    model = EmailAddress
    fields = ("email", "verified", "primary")


class SessionInline(ReadOnlyInline):
    model = UserSession
    fields = ("created_at", "last_seen_at", "ip", "user_agent")
    ordering = ("-last_seen_at",)


@admin.register(User)
class UserAdmin(ListAdmin):
    """The permission to change users includes closing accounts; only superusers grant permissions."""

    person = "pk"
    exact = ("id",)
    secret = ("password",)
    list_display = (
        "email",
        "is_verified",
        "is_active",
        "is_staff",
        "date_joined",
        "last_login",
        "related",
    )
    list_filter = ("is_active", "is_staff")
    ordering = ("-id",)
    actions = ("deactivate", "reactivate", "sign_out_everywhere", "confirm_address")
    inlines = (EmailAddressInline, SessionInline)
    rights = ("is_staff", "is_superuser", "groups", "user_permissions")
    fields = (
        "email",
        "is_active",
        ("language", "theme"),
        ("date_joined", "last_login"),
        "related",
        *rights,
    )
    filter_horizontal = ("groups", "user_permissions")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        verified = EmailAddress.objects.filter(user=OuterRef("pk"), verified=True)
        users: QuerySet[Model] = super().get_queryset(request).annotate(verified=Exists(verified))
        return users

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        rights = () if request.user.is_superuser else self.rights
        return (
            "email",
            "is_active",
            "language",
            "theme",
            "date_joined",
            "last_login",
            "related",
            *rights,
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("verified"), boolean=True)
    def is_verified(self, user: Any) -> bool:
        return bool(user.verified)

    @admin.display(description=_("belonging to it"))
    def related(self, user: User) -> SafeString:
        """Links to a user's rows in other apps' admin lists."""
        links = (
            (list_link(each.related_model, each.related_model._meta.verbose_name_plural, **query),)
            for each, query in _lists_of(user, self.admin_site)
        )
        return format_html_join(" · ", "{}", links)

    @admin.action(description=_("Deactivate, and sign out everywhere"), permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        closed = 0
        for user in self._within_reach(request, queryset):
            try:
                closing.deactivate(user)
            except closing.LastAdministrator:
                text = _("%(user)s is the last administrator.") % {"user": user}
                self.message_user(request, text, messages.ERROR)
            else:
                closed += 1
                self.log_change(request, user, "deactivated")
        self._say(
            request,
            ngettext("%(count)d account was closed.", "%(count)d accounts were closed.", closed),
            closed,
        )

    @admin.action(description=_("Activate"), permissions=["change"])
    def reactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        users = self._within_reach(request, queryset)
        for user in users:
            closing.reactivate(user)
            self.log_change(request, user, "reactivated")
        self._say(
            request,
            ngettext("%(count)d account is open.", "%(count)d accounts are open.", len(users)),
            len(users),
        )

    @admin.action(description=_("Sign out everywhere"), permissions=["change"])
    def sign_out_everywhere(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        ended = 0
        for user in self._within_reach(request, queryset):
            ended += sessions.end_all(user)
            self.log_change(request, user, "signed out everywhere")
        self._say(
            request,
            ngettext("%(count)d session was ended.", "%(count)d sessions were ended.", ended),
            ended,
        )

    @admin.action(description=_("Take the address for confirmed"), permissions=["change"])
    def confirm_address(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Confirms addresses of users who get no emails from us and proved ownership another way."""
        waiting = EmailAddress.objects.filter(user__in=queryset, verified=False, primary=True)
        addresses = list(waiting.select_related("user"))
        for address in addresses:
            address.set_verified()
            email_confirmed.send(EmailAddress, request=request, email_address=address)
            self.log_change(request, address.user, "confirmed the address")
        count = len(addresses)
        text = ngettext(
            "%(count)d address is confirmed.", "%(count)d addresses are confirmed.", count
        )
        self._say(request, text, count)

    def _within_reach(self, request: HttpRequest, users: QuerySet[User]) -> list[User]:
        """Excludes the acting user, and staff unless the acting user is a superuser."""
        others = users.exclude(pk=user_of(request).pk)
        if not request.user.is_superuser:
            others = others.filter(is_staff=False, is_superuser=False)
        if left := users.count() - others.count():
            text = ngettext(
                "%(count)d account was left alone: it is yours, or that of staff.",
                "%(count)d accounts were left alone: yours, or those of staff.",
                left,
            )
            self.message_user(request, text % {"count": left}, messages.WARNING)
        return list(others)

    def _say(self, request: HttpRequest, text: str, count: int) -> None:
        if count:
            self.message_user(request, text % {"count": count})


def _lists_of(
    user: User, site: admin.AdminSite
) -> list[tuple[ForeignObjectRel, dict[str, object]]]:
    return [
        (each, {f"{each.field.name}__id__exact": user.pk})
        for each in User._meta.related_objects
        if site.is_registered(each.related_model)
    ]
