"""The module where Django looks for an app's admin pages."""

from generation.operations import admin, key_admin  # noqa: F401  # registers them
