"""Keys for tests that call a running site."""

import subprocess
import sys

from sdsite.processes import PROJECT
from tests.running import Site

# Beside the bundled checkpoint.
UPSCALER = "toy-upscaler"


def made_key(site: Site, email: str) -> str:
    """The secret of a new customer's key."""
    environment = site.process_of("worker").environ()
    result = subprocess.run(
        [sys.executable, "-m", "tests.generation.api.make_key", email],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.strip().splitlines()[-1]
