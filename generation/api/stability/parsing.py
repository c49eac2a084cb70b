"""Limits and model names that v1 and v2beta share."""

# Their limit for a request body.
MAX_BYTES = 10 * 2**20
# Prefixes of Stability's own model names, which some clients always send.
FOREIGN = ("sd3", "stable-")
