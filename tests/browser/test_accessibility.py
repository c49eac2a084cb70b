"""axe-core reports no violations on any page, in both themes and languages.

The script is evaluated from outside the page, so the page's CSP stays strict.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import PHONE
from tests.showing import run
from tests.showing.pages import AUDIENCES

AXE = Axe()
# A theme changes colors alone, so the dark one needs only the rules that look at colors.
RULES_OF_THEMES = {
    "light": {},
    "dark": {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}},
}


def violations(tab, **options):
    """Return a line for each broken rule, with the first element that breaks it."""
    results = AXE.run(tab, options={"resultTypes": ["violations"], **options})
    return [
        f"{rule['id']}: {rule['help']}, as in {rule['nodes'][0]['html'][:200]}"
        for rule in results.response["violations"]
    ]


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("audience", AUDIENCES)
def test_no_page_keeps_anybody_out(chromium, filled, every_page, language, audience):
    found = []
    options = {"locale": language, "reduced_motion": "reduce"}
    state = filled.states[audience]
    with chromium.new_context(
        base_url=filled.site.url, storage_state=state, viewport=PHONE, **options
    ) as context:
        tab = context.new_page()
        for page in every_page:
            if page.audience != audience:
                continue
            run.visit(tab, page)
            for theme, rules in RULES_OF_THEMES.items():
                tab.emulate_media(color_scheme=theme)
                found += [f"{page.label}, {theme}: {each}" for each in violations(tab, **rules)]

    assert not found, "\n".join(found)


def test_what_keeps_somebody_out_is_found(chromium):
    with chromium.new_context() as context:
        tab = context.new_page()
        tab.set_content(
            "<html lang=en><title>A page</title><main><h1>A page</h1><img src=''></main>"
        )

        assert [line.split(":")[0] for line in violations(tab)] == ["image-alt"]


def test_a_color_that_cannot_be_read_is_found_in_the_dark(chromium):
    with chromium.new_context(color_scheme="dark") as context:
        tab = context.new_page()
        tab.set_content(
            "<html lang=en><title>A page</title><main><h1>A page</h1>"
            "<p style='color: #333; background: #222'>Nobody reads this</p></main>"
        )

        found = violations(tab, **RULES_OF_THEMES["dark"])

        assert [line.split(":")[0] for line in found] == ["color-contrast"]
