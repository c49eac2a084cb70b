"""The browser that tests drive, and what draws and measures pages."""

import os
import shutil
from typing import TYPE_CHECKING, Any

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
