"""Accounts on the running site that are there at once, without a person's way through signing up."""

import subprocess
import sys

from sdsite.processes import PROJECT


def state(site, email, *, pictures=0, plan=""):
    """What a browser needs to be signed in as a new account that has so many pictures, and a plan."""
    web = site.process_of("web", f"--port={site.port}")
    call = f"drawing.account({email!r}, pictures={pictures}, plan={plan!r})"
    result = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "--command", _SCRIPT + call],
        env=web.environ(),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    cookie = {
        "name": f"sessionid{web.environ().get('COOKIE_SUFFIX', '')}",
        "value": result.stdout.split()[-1],
        "domain": "127.0.0.1",
        "path": "/",
        "expires": -1,
        "httpOnly": True,
        "secure": False,
        "sameSite": "Lax",
    }
    return {"cookies": [cookie], "origins": []}


_SCRIPT = "from tests.browser import drawing; "
