"""Sitemap, robots.txt, canonical URLs and language alternates."""

import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from django.urls import reverse

from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.options import presets

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


@pytest.mark.parametrize("name", ["robots", "sitemap"])
def test_both_are_only_read(client, name):
    assert client.post(reverse(name)).status_code == 405
