"""Accounts on the running site, created directly instead of through sign-up."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import IO, Any

from sdsite.processes import PROJECT
from tests.chromium import signed_in
from tests.running import Site


class Accounts:
    """Creates accounts in a process beside the site."""

    def __init__(self, asked: IO[str], answers: IO[str], *, cookie: str) -> None:
        self._asked, self._answers = asked, answers
        self._cookie = cookie

    def state(self, email: str, *, pictures: int = 0, plan: str = "trial") -> dict[str, Any]:
        """Session cookies of a new account with this many images, on a plan or on none ("")."""
        json.dump({"email": email, "pictures": pictures, "plan": plan}, self._asked)
        print(file=self._asked, flush=True)
        session = self._answers.readline().strip()
        assert session, f"{email} could not be made"
        return signed_in(cookie=self._cookie, session=session)


@contextlib.contextmanager
def making(site: Site) -> Iterator[Accounts]:
    """Accounts of a running site."""
    environment = site.process_of("web", f"--port={site.port}").environ()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.browser.drawing"],
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        cookie = f"sessionid{environment.get('COOKIE_SUFFIX', '')}"
        yield Accounts(process.stdin, process.stdout, cookie=cookie)
