"""Sitemap, robots.txt, llms.txt, canonical URLs and language alternates."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from django.urls import reverse

from generation.api import formats, guide
from generation.api.native.schemas import CheckpointShown
from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.engine.enums import Mode
from generation.options import presets
from sdsite.processes import PROJECT

pytestmark = pytest.mark.django_db
SITE = "https://pictures.example"
NAMESPACE = {
    "s": "http://www.sitemaps.org/schemas/sitemap/0.9",
    "x": "http://www.w3.org/1999/xhtml",
}


@pytest.fixture(autouse=True)
def _has_an_address(settings):
    settings.SITE_URL = SITE


class Head(HTMLParser):
    """The title, metas by name or property, and links by rel and hreflang."""

    def __init__(self, page):
        super().__init__()
        self.metas, self.links = {}, {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "meta":
            self.metas[found.get("name") or found.get("property")] = found.get("content")
        elif tag == "link":
            self.links[found["rel"], found.get("hreflang")] = found["href"]


def sitemap(client):
    root = ET.fromstring(client.get(reverse("sitemap")).content)  # noqa: S314  # it is our own
    return {
        url.find("s:loc", NAMESPACE).text: {
            link.get("hreflang"): link.get("href") for link in url.findall("x:link", NAMESPACE)
        }
        for url in root
    }


def test_the_map_has_every_public_page_in_every_language(client):
    pages = sitemap(client)

    assert len(pages) == 2 * (4 + len(presets.PRESETS) + len(CHECKPOINTS))
    assert pages[f"{SITE}/plans/?language=zh-hans"] == {
        "en": f"{SITE}/plans/",
        "zh-hans": f"{SITE}/plans/?language=zh-hans",
        "x-default": f"{SITE}/plans/",
    }


def test_each_address_on_the_map_is_the_pages_own(client):
    for address, alternates in sitemap(client).items():
        response = client.get(address.removeprefix(SITE))
        head = Head(response.text)

        assert response.status_code == 200
        assert head.links["canonical", None] == address
        assert {code: head.links["alternate", code] for code in alternates} == alternates
        assert "robots" not in head.metas


def test_titles_and_descriptions_are_each_pages_own(client):
    heads = [Head(client.get(address.removeprefix(SITE)).text) for address in sitemap(client)]

    for name in ("og:title", "description"):
        # Texts without a translation are the same in both languages.
        assert len({head.metas[name] for head in heads}) >= len(heads) / 2 - 3, name


def test_who_shares_a_link_shows_a_picture(client):
    metas = Head(client.get("/").text).metas

    assert metas["og:image"].startswith(f"{SITE}/static/img/wall/shared")
    assert metas["og:url"] == f"{SITE}/"
    assert metas["twitter:card"] == "summary_large_image"


def test_private_pages_ask_not_to_be_found(client, alice):
    client.force_login(alice)

    assert Head(client.get(reverse("studio")).text).metas["robots"] == "noindex"


def test_robots_are_told_where_the_map_is_and_where_nothing_is(client):
    text = client.get(reverse("robots")).text

    assert f"Sitemap: {SITE}/sitemap.xml" in text
    assert "Disallow: /accounts/" in text
    for address in sitemap(client):
        path = address.removeprefix(SITE)
        assert not any(
            path.startswith(line[10:]) for line in text.splitlines() if line[:8] == "Disallow"
        )


def test_language_models_are_told_of_every_format_model_and_use(client):
    response = client.get(reverse("llms"))

    text = response.text
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert text.startswith("# ")
    for format in guide.FORMATS.values():
        assert f"[{format.name}]({SITE}{format.path})" in text
    assert f"Add {SITE}/mcp as" in text
    assert "`sketchbook`, " in text
    assert all(f"({SITE}{reverse('use', args=[id])})" in text for id in presets.PRESETS)
    assert "&" not in text
    assert "{" not in text


@pytest.mark.parametrize("id", CHECKPOINTS)
def test_modes_are_listed_in_one_order(id):
    checkpoint = CHECKPOINTS[id]

    assert list(checkpoint.ordered_modes) == [mode for mode in Mode if mode in checkpoint.modes]
    assert CheckpointShown.from_orm(checkpoint).modes == list(checkpoint.ordered_modes)


def test_language_models_read_the_modes_in_that_order(client):
    text = client.get(reverse("llms")).text

    assert ", ".join(CHECKPOINTS["sketchbook"].ordered_modes) in text


def test_the_links_for_language_models_lead_somewhere(client):
    text = client.get(reverse("llms"), headers={"Accept-Language": "zh-hans"}).text

    links = re.findall(r"\]\((.*?)\)", text)
    assert len(links) > 10
    for link in links:
        assert link.startswith(f"{SITE}/")
        path = link.removeprefix(SITE)
        is_base = path in {guide.path for guide in guide.FORMATS.values()}
        assert is_base or client.get(path).status_code == 200, path
    assert text == client.get(reverse("llms")).text


def test_the_guide_of_the_formats_and_their_documentation_agree():
    documented = (PROJECT / "docs" / "api.md").read_text()

    for format in guide.FORMATS.values():
        assert f"`{format.path}" in documented or f"`{format.address}`" in documented
        assert formats.of_path(format.path) or formats.of_path(f"{format.path}/")


@pytest.mark.parametrize("name", ["robots", "sitemap", "llms"])
def test_they_are_only_read(client, name):
    assert client.post(reverse(name)).status_code == 405
