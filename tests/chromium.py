"""The browser that tests drive, and what draws and measures pages."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def path() -> str | None:
    """Return Chromium's path; None has Playwright find its own."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


def launch(playwright: "Playwright", **options: Any) -> "Browser":
    return playwright.chromium.launch(executable_path=path(), args=OPTIONS, **options)


@contextmanager
def running() -> Iterator["Browser"]:
    """A browser for tests in this thread, which can't run asyncio meanwhile: Playwright's loop occupies it."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # slow import: playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Nothing that the tests do is asynchronous.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = launch(playwright)
        yield browser
        browser.close()


def signed_in(*, cookie: str, session: str) -> dict[str, Any]:
    """The `storage_state` of a browser with this session at a site on this machine."""
    only = {
        "name": cookie,
        "value": session,
        "domain": "127.0.0.1",
        "path": "/",
        "expires": -1,
        "httpOnly": True,
        "secure": False,
        "sameSite": "Lax",
    }
    return {"cookies": [only], "origins": []}
