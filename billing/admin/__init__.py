"""Billing in the admin: money rows are read-only, and a correction is an entry of its own."""

# Importing them registers their classes.
from billing.admin import entries, events, payments, subscriptions, wallets

__all__ = ["entries", "events", "payments", "subscriptions", "wallets"]
