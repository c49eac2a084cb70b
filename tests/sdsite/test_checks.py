"""Deployment checks against compose.yaml, and against each mistake in it."""

import grp
import os
import re
import subprocess
import sys

import pytest
import yaml
from django.conf import settings
from django.core.checks.security import base as security

from sdsite import checks
from sdsite.processes import PROJECT
from tests.generation.installed import put

OPERATOR = {
    "DOMAIN": "pictures.example.com",
    "EMAIL_HOST": "mail.example.com",
    "POSTGRES_PASSWORD": "a-password",
    "SECRET_KEY": "a-key-of-fifty-random-characters-" + "x7Gd0pQ" * 5,
    "STRIPE_SECRET_KEY": "sk_live_example",
    "STRIPE_WEBHOOK_SECRET": "whsec_example",
}


def fill_in(value):
    """Compose's own substitution: ${NAME:?} is required, ${NAME:-default} is not."""
    return re.sub(
        r"\$\{(\w+):(\?|-((?:[^{}]|\{[^}]*\})*))\}",
        lambda found: OPERATOR[found[1]] if found[2] == "?" else fill_in(found[3]),
        str(value),
    )


COMPOSE = yaml.safe_load((PROJECT / "compose.yaml").read_text())
PRODUCTION = {name: fill_in(value) for name, value in COMPOSE["x-site"]["environment"].items()}


def check(tmp_path, **changes):
    """Run `check --deploy`; returns its output, and True if it passes."""
    keep = ("PATH", "HOME")
    env = {name: os.environ[name] for name in keep if name in os.environ}
    result = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level=WARNING"],
        cwd=PROJECT,
        env={**env, **PRODUCTION, "DATA_DIR": str(tmp_path), **changes},
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout + result.stderr, result.returncode == 0


def test_a_production_configuration_is_clean(tmp_path):
    put(tmp_path / "checkpoints", "safety-checker")

    output, passes = check(tmp_path)

    assert output == "System check identified no issues (2 silenced).\n"
    assert passes


def test_the_two_silenced_warnings_are_those_about_the_rest_of_the_domain(tmp_path):
    put(tmp_path / "checkpoints", "safety-checker")

    output, passes = check(tmp_path, HSTS_SUBDOMAINS="1", HSTS_PRELOAD="1")

    assert [security.W005.id, security.W021.id] == settings.SILENCED_SYSTEM_CHECKS
    assert output == "System check identified no issues (0 silenced).\n"
    assert passes


@pytest.mark.parametrize(
    ("mistake", "name"),
    [
        ({"SECRET_KEY": "insecure-" + "development-only-" * 3}, "sdsite.E001"),
        ({"SITE_URL": "http://pictures.example.com"}, "sdsite.E002"),
        ({"SITE_URL": "https://elsewhere.example.com"}, "sdsite.E002"),
        ({"EMAIL_BACKEND": "accounts.dev_mail.FolderBackend"}, "sdsite.E003"),
        ({"HTTPS": "0"}, "sdsite.E004"),
        ({"FILES_GROUP": "no-such-group"}, "sdsite.E005"),
        ({"HSTS_PRELOAD": "1"}, "sdsite.E006"),
        ({"STRIPE_WEBHOOK_SECRET": ""}, "billing.E001"),
        ({"STRIPE_SECRET_KEY": "", "STRIPE_WEBHOOK_SECRET": ""}, "billing.E002"),
        ({"CURRENCY": "dollars"}, "billing.E003"),
        ({"CURRENCY_RATES": "eur=-1"}, "billing.E003"),
        ({"CURRENCY_RATES": "usd=1"}, "billing.E003"),
        ({"DEBUG": "1"}, "security.W018"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_has_a_name(tmp_path, mistake, name):
    output, passes = check(tmp_path, **mistake)

    assert name in output
    assert not passes


@pytest.mark.parametrize(("is_member", "problems"), [(True, 0), (False, 1)])
def test_the_site_must_be_in_the_group_that_gets_its_files(
    settings, monkeypatch, is_member, problems
):
    group = grp.getgrall()[-1]
    settings.FILES_GROUP = group.gr_name
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    monkeypatch.setattr(os, "getegid", lambda: 12_345)
    monkeypatch.setattr(os, "getgroups", lambda: [group.gr_gid] * is_member)

    found = checks.files_can_be_given_to_the_group()

    assert [each.id for each in found] == ["sdsite.E007"] * problems


def test_compose_sets_only_what_the_settings_read():
    code = (PROJECT / "sdsite" / "settings.py").read_text()

    read = set(re.findall(r'env\.\w+\(\s*"(\w+)"', code))

    assert PRODUCTION.keys() - read == set()


def test_every_part_has_a_health_check_or_nothing_to_ask():
    parts = {name for name, service in COMPOSE["services"].items() if "healthcheck" in service}

    assert COMPOSE["services"].keys() - parts == {"beat", "migrate"}


def test_the_image_copies_only_what_is_there():
    copied = re.findall(
        r"^COPY (?!--from)(.+) \S+$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE
    )

    assert [name for line in copied for name in line.split() if not (PROJECT / name).exists()] == []


@pytest.mark.parametrize(
    ("subdomains", "preload", "header"),
    [
        (False, False, "max-age=31536000"),
        (True, False, "max-age=31536000; includeSubDomains"),
        (True, True, "max-age=31536000; includeSubDomains; preload"),
    ],
)
def test_browsers_are_told_about_the_rest_of_the_domain_only_if_it_is_asked_for(
    client, settings, subdomains, preload, header
):
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS, settings.SECURE_HSTS_PRELOAD = subdomains, preload

    response = client.get("/robots.txt", secure=True)

    assert response["Strict-Transport-Security"] == header
