"""The account's part of a data export, without secrets (passwords, keys, codes)."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount

from accounts import sessions
from accounts.archive import Archive
from accounts.models import ApiKey, Told, User


def count(user: User) -> int:
    return 0


def write(user: User, archive: Archive) -> None:
    archive.add_json("account.json", _account(user))


def _account(user: User) -> dict[str, Any]:
    return {
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "joined_at": user.date_joined,
        "last_sign_in_at": user.last_login,
        "language": user.language,
        "theme": user.theme,
        "time_zone": user.time_zone,
        "browser_time_zone": user.browser_time_zone,
        "studio_defaults": user.studio_defaults,
        "addresses": list(
            EmailAddress.objects.filter(user=user).values("email", "verified", "primary")
        ),
        "ways_to_sign_in": [
            _authenticator(each) for each in Authenticator.objects.filter(user=user)
        ],
        "connected_accounts": list(
            SocialAccount.objects.filter(user=user).values(
                "provider", "uid", "extra_data", "date_joined", "last_login"
            )
        ),
        "api_keys": list(
            ApiKey.objects.filter(user=user)
            .order_by("created_at")
            .values(
                "name",
                "prefix",
                "scopes",
                "pays_in",
                "budget",
                "window",
                "checkpoints",
                "max_pixels",
                "default_checkpoint",
                "origins",
                "options",
                "created_at",
                "last_used_at",
                "expires_at",
                "revoked_at",
            )
        ),
        "devices": [
            {"signed_in_at": each.created_at, "ip": each.ip, "browser": each.user_agent}
            for each in sessions.live(user)
        ],
        # Emails that are sent only once.
        "notices": list(Told.objects.filter(user=user).order_by("at").values("key", "at")),
    }


def _authenticator(authenticator: Authenticator) -> dict[str, Any]:
    return {
        "type": authenticator.type,
        "name": authenticator.data.get("name", ""),
        "created_at": authenticator.created_at,
        "last_used_at": authenticator.last_used_at,
    }
