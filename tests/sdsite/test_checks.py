"""The deployment checks, against the configuration of a real site and each mistake in it."""

import os
import subprocess
import sys

import pytest

from sdsite.processes import PROJECT

PRODUCTION = {
    "ALLOWED_HOSTS": "pictures.example.com",
    "BEHIND_PROXY": "1",
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "EMAIL_HOST": "mail.example.com",
    "SECRET_KEY": "a-key-of-fifty-random-characters-" + "x7Gd0pQ" * 5,
    "SITE_URL": "https://pictures.example.com",
    "STRIPE_SECRET_KEY": "sk_live_example",
    "STRIPE_WEBHOOK_SECRET": "whsec_example",
    "TRUSTED_PROXY_COUNT": "1",
}


def check(tmp_path, **changes):
    """What `check --deploy` prints, and whether it passes."""
    keep = ("PATH", "HOME", "DATABASE_URL", "REDIS_URL")
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
    output, passes = check(tmp_path)

    assert output == "System check identified no issues (0 silenced).\n"
    assert passes


@pytest.mark.parametrize(
    ("mistake", "name"),
    [
        ({"SECRET_KEY": "insecure-" + "development-only-" * 3}, "sdsite.E001"),
        ({"SITE_URL": "http://pictures.example.com"}, "sdsite.E002"),
        ({"SITE_URL": "https://elsewhere.example.com"}, "sdsite.E002"),
        ({"EMAIL_BACKEND": "accounts.mail.FolderBackend"}, "sdsite.E003"),
        ({"HTTPS": "0"}, "sdsite.E004"),
        ({"DEBUG": "1"}, "security.W018"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_has_a_name(tmp_path, mistake, name):
    output, passes = check(tmp_path, **mistake)

    assert name in output
    assert not passes
