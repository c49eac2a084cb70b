"""Who you are: accounts, their settings, and what they may be asked to prove."""
