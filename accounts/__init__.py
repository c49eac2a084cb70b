"""User accounts: sign-in, settings, sessions, API keys, data export and deletion."""
