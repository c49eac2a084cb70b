"""axe-core reports no violations on any page, in both themes and languages."""

import pytest

from tests.browser.conftest import SCREENS
from tests.browser.findings import violations
from tests.showing.pages import AUDIENCES

PAGE = "<html lang=en><title>A page</title><main><h1>A page</h1>{}</main>"


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("audience", AUDIENCES)
def test_no_page_keeps_anybody_out(findings, screen, audience):
    assert findings(screen, audience).violations == []


@pytest.fixture
def rules_broken_by(chromium):
    """The themes and rules of a page with this content."""

    def rules_broken_by(content):
        with chromium.new_context() as context:
            tab = context.new_page()
            tab.set_content(PAGE.format(content))
            return [tuple(line.split(": ")[:2]) for line in violations(tab)]

    return rules_broken_by


def test_what_keeps_somebody_out_is_found(rules_broken_by):
    assert rules_broken_by("<img src=''>") == [("light", "image-alt")]


def test_a_color_that_cannot_be_read_is_found_in_the_dark(rules_broken_by):
    style = "p { color: #333 } @media (prefers-color-scheme: dark) { p { background: #222 } }"

    assert rules_broken_by(f"<style>{style}</style><p>Nobody reads this</p>") == [
        ("dark", "color-contrast")
    ]


def test_a_color_that_cannot_be_read_is_found_in_the_light(rules_broken_by):
    style = "p { color: #ccc } @media (prefers-color-scheme: dark) { p { background: #222 } }"

    assert rules_broken_by(f"<style>{style}</style><p>Nobody reads this</p>") == [
        ("light", "color-contrast")
    ]
