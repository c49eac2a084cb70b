"""Passwords of users whom the tests create on a running site."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class OneRound(PBKDF2PasswordHasher):
    """The site's hasher in a thousandth of its time. The site accepts its hashes, which say their rounds."""

    iterations = 1
