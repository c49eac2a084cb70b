"""Production settings with the URLs of `breaking_urls`."""

from sdsite.settings import *  # noqa: F403

ROOT_URLCONF = "tests.browser.breaking_urls"

# Fail at once when a server is away.
DATABASES["default"]["OPTIONS"]["pool"]["timeout"] = 1  # noqa: F405
