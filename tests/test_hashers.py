"""Quick hashes of passwords."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from tests.hashers import OneRound


def test_the_sites_hasher_accepts_a_quick_hash():
    quick = OneRound().encode("a password", "salt")

    assert PBKDF2PasswordHasher().verify("a password", quick)
    assert not PBKDF2PasswordHasher().verify("another", quick)
