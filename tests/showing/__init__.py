"""Every page of the running site, filled with what a person would have: to be checked, measured and drawn."""
