"""Django's entry to the admin pages of this app."""

from generation.operations import admin, key_admin  # noqa: F401  # registers them
