"""Production's settings, and two addresses more: see `breaking_urls`."""

from sdsite.settings import *  # noqa: F403

ROOT_URLCONF = "tests.browser.breaking_urls"
