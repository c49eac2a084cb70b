"""Production's settings, and two addresses more: see `breaking_urls`."""

from sdsite.settings import *  # noqa: F403

ROOT_URLCONF = "tests.browser.breaking_urls"

# Nobody here waits for a server that never comes.
DATABASES["default"]["OPTIONS"]["pool"]["timeout"] = 1  # noqa: F405
