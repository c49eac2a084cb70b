"""The site's settings, in processes that create users beside it: hashing a password takes no time."""

from sdsite.settings import *  # noqa: F403

PASSWORD_HASHERS = ["tests.hashers.OneRound"]
