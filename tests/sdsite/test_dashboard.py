"""The example dashboard and alerts use exported metrics only."""

import json
import re

import pytest
import yaml
from django.urls import reverse

from billing import reconciliation
from sdsite import asgi  # noqa: F401  # what a web process loads
from sdsite.processes import PROJECT
from tests.generation.workers import say

pytestmark = pytest.mark.django_db

DOCS = PROJECT / "docs"
NAME = re.compile(r"\b((?:sdsite|process)_\w+)")
# Suffixes that a histogram's and a counter's samples add to its name.
SUFFIX = re.compile(r"_(bucket|count|sum)$")


@pytest.fixture
def exported(client, alice):
    """The names of all metrics, including those without a value yet."""
    say()
    reconciliation.run()
    text = client.get(reverse("metrics")).text
    kinds = dict(re.findall(r"^# TYPE (\S+) (\w+)$", text, re.MULTILINE))
    assert "sdsite_part_up 0" not in text
    return {name for name in kinds if not name.endswith("_created")}


def named(text):
    return {SUFFIX.sub("", name) for name in NAME.findall(text)}


def expressions(node):
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "expr")
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from expressions(each)


def test_every_metric_on_the_dashboard_is_exported(exported):
    dashboard = json.loads((DOCS / "grafana.json").read_text())
    found = list(expressions(dashboard))

    assert len(found) > 30
    assert named("\n".join(found)) - exported == set()


def test_every_metric_of_ours_is_on_the_dashboard(exported):
    text = (DOCS / "grafana.json").read_text()
    ours = {name for name in exported if name.startswith("sdsite_")}

    assert ours - named(text) - {"sdsite_worker_busy_share"} == set()


def test_panels_have_names_and_places_of_their_own():
    panels = json.loads((DOCS / "grafana.json").read_text())["panels"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(places)) == len(places)
    assert all(panel["title"] for panel in panels)


def test_every_metric_of_an_alert_is_exported(exported):
    groups = yaml.safe_load((DOCS / "alerts.yaml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]

    assert all(rule["annotations"]["summary"] for rule in rules)
    assert named("\n".join(rule["expr"] for rule in rules)) - exported == set()


def test_every_metric_that_the_guide_names_is_exported(exported):
    text = (DOCS / "operating.md").read_text()
    whole = {name for name in named(text) if not name.endswith("_")}

    assert whole - exported == set()
