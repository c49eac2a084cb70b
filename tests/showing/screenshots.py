"""Takes screenshots of every page for docs/screenshots: desktop, phone, dark mode and Chinese.

    make screenshots
    python -m tests.showing.screenshots usage billing:plan     only these pages, beside what is there

Pages are found automatically (see `pages`); other states of a page are lines in `pages.scenes`.
"""

import argparse
import os
import shutil
import sys
import tempfile
from io import BytesIO

import django
from PIL import Image
from playwright.sync_api import sync_playwright
from tqdm import tqdm

from sdsite.processes import PROJECT
from tests import chromium
from tests.running import Site
from tests.showing import run

FOLDER = PROJECT / "docs" / "screenshots"
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}}
VARIANTS = {
    "desktop": DESKTOP,
    "phone": PHONE,
    "dark": DESKTOP | {"color_scheme": "dark"},
    "chinese": DESKTOP | {"locale": "zh-CN"},
}
# Longer pages are cut: the rest is more of the same.
LONGEST = 6_000
QUALITY = 55
# The screenshot at the top of the README.
README = ("studio-drawing", "studio.png")
README_COLORS = 256
LARGEST_TOTAL = 11_000_000
# A lazy image loads on scroll, a preview once the websocket is open.
SETTLE_MS = 300
SCROLL = """async () => {
  for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
    scrollTo(0, y);
    await new Promise(requestAnimationFrame);
  }
  scrollTo(0, 0);
  const shown = Array.from(document.images).filter((image) => image.checkVisibility());
  await Promise.all(shown.map((image) => image.complete || image.decode().catch(() => {})));
}"""


def main() -> int:
    parser = argparse.ArgumentParser(description="Draw every page, or only those that are named.")
    parser.add_argument("names", nargs="*", metavar="PAGE")
    names = parser.parse_args().names
    # The site's own setting.
    os.environ.update(DJANGO_SETTINGS_MODULE="sdsite.settings", DEBUG="1")
    django.setup()
    if not names:
        shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="sdsite-screenshots-") as data,
        Site(data) as site,
        sync_playwright() as playwright,
    ):
        _draw_all(site, playwright, names)
    total = sum(path.stat().st_size for path in FOLDER.iterdir())
    print(f"{len(list(FOLDER.iterdir()))} pictures in {FOLDER}, {total / 1e6:.1f} MB")
    return 0 if total < LARGEST_TOTAL else 1


def _draw_all(site, playwright, names):
    browser = chromium.launch(playwright)
    filled = run.filled(site)
    pages = [
        page
        for page in filled.pages(browser)
        if page.is_worth_drawing and page.name in (names or [page.name])
    ]
    for variant, options in VARIANTS.items():
        for audience, state in filled.states.items():
            with browser.new_context(
                base_url=site.url, storage_state=state, reduced_motion="reduce", **options
            ) as context:
                tab = context.new_page()
                mine = [page for page in pages if page.audience == audience]
                for page in tqdm(mine, desc=f"{variant}, {audience}", unit="page", file=sys.stderr):
                    _draw(tab, page, variant)
    browser.close()


def _draw(tab, page, variant):
    run.visit(tab, page)
    tab.evaluate(SCROLL)
    tab.wait_for_timeout(SETTLE_MS)
    with Image.open(BytesIO(tab.screenshot(full_page=True))) as shot:
        picture = shot.convert("RGB").crop((0, 0, shot.width, min(shot.height, LONGEST)))
    picture.save(FOLDER / f"{page.label}.{variant}.webp", quality=QUALITY, method=4)
    if (page.label, variant) == (README[0], "desktop"):
        few = picture.quantize(README_COLORS)
        few.save(FOLDER / README[1], optimize=True)


if __name__ == "__main__":
    sys.exit(main())
