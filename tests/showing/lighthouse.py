"""Runs Lighthouse on the most visited pages, and writes the results to docs/lighthouse.md.

    make lighthouse      needs npm (Node 18 or later) and Chromium

The site runs as in production: without DEBUG, with static files that are compressed and named by their
content. Lighthouse simulates a phone of the middle class on a slow line, three times a page; the median
counts.
"""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime

from playwright.sync_api import sync_playwright

from sdsite.processes import PROJECT
from tests import chromium
from tests.running import Site, free_port
from tests.showing import run

VERSION = "12.8.2"
INSTALLED = PROJECT / "build" / "lighthouse"
REPORT = PROJECT / "docs" / "lighthouse.md"
# Pages by audience; visitors first, before the browser is signed in.
PAGES = {"/": "visitor", "/plans/": "visitor", "/studio/": "member", "/gallery/": "member"}
CATEGORIES = ("performance", "accessibility", "best-practices")
LEAST = 95
RUNS = 3
# A slow browser may lose a trace.
TRIES = 3
PRODUCTION = {"DEBUG": "0", "HTTPS": "0"}


@dataclass(frozen=True)
class Seen:
    """Scores of 100, bytes on the line, the largest paint in ms, and the layout shift; medians."""

    path: str
    scores: tuple[int, ...]
    bytes: int
    paint_ms: int
    shift: float

    @property
    def is_good(self) -> bool:
        return min(self.scores) >= LEAST


def main() -> int:
    _install()
    with (
        tempfile.TemporaryDirectory(prefix="sdsite-lighthouse-") as data,
        Site(data, threads=None, **PRODUCTION) as site,
        sync_playwright() as playwright,
    ):
        seen = _look_at_all(site, playwright)
    _write(seen)
    return 0 if all(page.is_good for page in seen) else 1


def _install():
    if shutil.which("npm") is None:
        sys.exit("Lighthouse comes from npm: install Node 18 or later, or leave this to others.")
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", INSTALLED]
    subprocess.run([*command, f"lighthouse@{VERSION}"], check=True)


def _look_at_all(site, playwright):
    """Visit all pages in one browser, which Lighthouse finds by its port. It clears the cache, but keeps cookies."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="sdsite-chromium-") as profile:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium.path(),
            args=[*chromium.OPTIONS, f"--remote-debugging-port={port}"],
        )
        filled = run.filled(site)
        seen = []
        for path, audience in PAGES.items():
            context.clear_cookies()
            context.add_cookies(filled.states[audience]["cookies"])
            seen.append(_look_at(site.url, path, port=port))
            print(seen[-1])
        context.close()
    return seen


def _look_at(url, path, *, port):
    reports = [_lighthouse(f"{url}{path}", port=port) for _ in range(RUNS)]

    def median(number):
        return statistics.median(number(report) for report in reports)

    def audit(name):
        return median(lambda report: report["audits"][name]["numericValue"])

    for name in CATEGORIES:
        print(path, name, *_complaints(reports[0], name), sep="\n  ")
    return Seen(
        path=path,
        scores=tuple(
            round(100 * median(lambda report: report["categories"][name]["score"]))  # noqa: B023  # called at once
            for name in CATEGORIES
        ),
        bytes=round(audit("total-byte-weight")),
        paint_ms=round(audit("largest-contentful-paint")),
        shift=audit("cumulative-layout-shift"),
    )


def _lighthouse(url, *, port):
    command = [INSTALLED / "node_modules" / ".bin" / "lighthouse", url, f"--port={port}"]
    command += ["--quiet", "--output=json", f"--only-categories={','.join(CATEGORIES)}"]
    for _try in range(TRIES):
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if result.returncode == 0:
            return json.loads(result.stdout)
    sys.exit(f"Lighthouse does not get through {url}.")


def _complaints(report, category):
    """Weighted audits with less than a full score."""
    audits = report["audits"]
    return [
        f"{audits[each['id']]['score']}: {audits[each['id']]['title']}"
        for each in report["categories"][category]["auditRefs"]
        if each["weight"] and (audits[each["id"]]["score"] or 0) < 0.9
    ]


HEAD = """\
# Lighthouse

`make lighthouse`, {date}: Lighthouse {version} with its phone and its slow line, on {cores} cores of {machine};
the site as in production; medians of {runs} runs.

| page | performance | accessibility | best practices | bytes | largest paint | layout shift |
|---|---|---|---|---|---|---|
"""


def _write(seen):
    head = HEAD.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        version=VERSION,
        cores=os.cpu_count(),
        machine=platform.machine(),
        runs=RUNS,
    )
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(head + "".join(f"{_row(page)}\n" for page in seen))


def _row(page):
    scores = " | ".join(str(score) for score in page.scores)
    size, paint = f"{page.bytes / 1000:.0f} kB", f"{page.paint_ms / 1000:.1f} s"
    return f"| `{page.path}` | {scores} | {size} | {paint} | {page.shift:.3f} |"


if __name__ == "__main__":
    sys.exit(main())
