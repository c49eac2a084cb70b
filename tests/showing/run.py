"""A filled site, and its pages for each audience."""

import json
import subprocess
import sys
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.template.loader import render_to_string
from django.utils.translation import override

from sdsite.processes import PROJECT
from tests.chromium import signed_in
from tests.running import Site
from tests.showing import pages
from tests.showing.pages import Page


@dataclass(frozen=True)
class Filled:
    """A site after `fill`. `states` are what a browser needs to be signed in as each audience."""

    site: Site
    states: dict
    arguments: dict[str, str]

    def pages(self, chromium) -> list[Page]:
        """All pages, some in several states. Raises Unknown."""
        contexts = {
            audience: chromium.new_context(base_url=self.site.url, storage_state=state)
            for audience, state in self.states.items()
        }
        try:
            found = pages.find(
                lambda path, audience: _get(contexts[audience], path), self.arguments
            )
        finally:
            for context in contexts.values():
                context.close()
        return [*pages.scenes(self.arguments), *found]


def visit(tab, page: Page) -> None:
    """Open a page in a browser tab, and wait for its delayed parts."""
    if page.template:
        language = tab.evaluate("navigator.language").lower()
        with override("zh-hans" if language.startswith("zh") else "en"):
            body = render_to_string(page.template)
        answer = {"content_type": "text/html; charset=utf-8", "body": body}
        tab.route(f"**{page.path}", lambda route: route.fulfill(**answer))
    tab.goto(page.path)
    tab.wait_for_load_state("load")


def filled(site: Site) -> Filled:
    """Fill a running site. Call it once."""
    process = site.process_of("web", f"--port={site.port}")
    result = subprocess.run(
        [sys.executable, "-m", "tests.showing"],
        cwd=PROJECT,
        env=process.environ(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    told = json.loads(result.stdout.splitlines()[-1])
    states = {
        audience: signed_in(cookie=told["cookie"], session=session)
        for audience, session in told["sessions"].items()
    }
    states["visitor"] = {"cookies": [], "origins": []}
    return Filled(site, states, told["arguments"])


def _get(context, path):
    response = context.request.get(path)
    end = urlsplit(response.url)
    kind = response.headers.get("content-type", "")
    text = response.text() if kind.startswith("text/") else ""
    return response.status, kind, text, end.path
