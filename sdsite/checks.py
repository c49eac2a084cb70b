"""System checks of a production configuration."""

import grp
import os
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks


@checks.register(deploy=True)
def secret_key_is_secret(**kwargs: Any) -> list[checks.CheckMessage]:
    if not settings.SECRET_KEY.startswith("insecure-"):
        return []
    return [
        checks.Error(
            "SECRET_KEY is the one that everybody can read in the settings.",
            hint="Set the environment variable SECRET_KEY to 50 random characters.",
            id="sdsite.E001",
        )
    ]


@checks.register(deploy=True)
def site_url_is_public(**kwargs: Any) -> list[checks.CheckMessage]:
    url = urlsplit(settings.SITE_URL)
    if url.scheme == "https" and url.hostname in settings.ALLOWED_HOSTS:
        return []
    return [
        checks.Error(
            f"SITE_URL is {settings.SITE_URL}, which is not https and one of ALLOWED_HOSTS.",
            hint="Links in mails and the payment provider's way back are made from it.",
            id="sdsite.E002",
        )
    ]


@checks.register(deploy=True)
def mails_are_sent(**kwargs: Any) -> list[checks.CheckMessage]:
    if settings.EMAIL_BACKEND != "accounts.dev_mail.FolderBackend":
        return []
    return [
        checks.Error(
            "Mails are written into a folder, so nobody can confirm an address.",
            hint="Set EMAIL_BACKEND to django.core.mail.backends.smtp.EmailBackend, and EMAIL_HOST.",
            id="sdsite.E003",
        )
    ]


@checks.register(deploy=True)
def https_is_expected(**kwargs: Any) -> list[checks.CheckMessage]:
    if settings.HTTPS:
        return []
    return [
        checks.Error(
            "HTTPS is off: cookies and passwords travel in the open.",
            hint="Leave the environment variable HTTPS unset in production.",
            id="sdsite.E004",
        )
    ]


@checks.register(deploy=True)
def group_of_files_exists(**kwargs: Any) -> list[checks.CheckMessage]:
    if settings.FILES_GROUP in {"", *(each.gr_name for each in grp.getgrall())}:
        return []
    return [
        checks.Error(
            f"FILES_GROUP is {settings.FILES_GROUP}, and there is no such group.",
            hint="Create it with the user of the proxy in it, or leave FILES_GROUP unset.",
            id="sdsite.E005",
        )
    ]


@checks.register(deploy=True)
def files_can_be_given_to_the_group(**kwargs: Any) -> list[checks.CheckMessage]:
    groups = {each.gr_name: each.gr_gid for each in grp.getgrall()}
    group = groups.get(settings.FILES_GROUP)
    if group is None or os.geteuid() == 0 or group in {os.getegid(), *os.getgroups()}:
        return []
    return [
        checks.Error(
            f"FILES_GROUP is {settings.FILES_GROUP}, and the user of the site is not in it.",
            hint="Add the user to the group and start the site again, or leave FILES_GROUP unset.",
            id="sdsite.E007",
        )
    ]


@checks.register(deploy=True)
def preloading_covers_subdomains(**kwargs: Any) -> list[checks.CheckMessage]:
    if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS or not settings.SECURE_HSTS_PRELOAD:
        return []
    return [
        checks.Error(
            "HSTS_PRELOAD is on without HSTS_SUBDOMAINS, so browsers' preload lists refuse the domain.",
            hint="Set HSTS_SUBDOMAINS=1 if every subdomain has HTTPS, or leave HSTS_PRELOAD unset.",
            id="sdsite.E006",
        )
    ]
