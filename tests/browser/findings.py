"""Problems of pages: what keeps somebody out, does not fit the screen, or is reported to the console."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, ConsoleMessage
from playwright.sync_api import Page as Tab

from tests.showing import run
from tests.showing.pages import Page

# A theme changes colors alone, so the dark one needs only the rules that look at colors.
RULES_OF_THEMES = {
    "light": {},
    "dark": {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}},
}
# A line for each broken rule, with the first element that breaks it.
BROKEN_RULES = """
async (options) => {
  const { violations } = await axe.run({ resultTypes: ["violations"], ...options });
  return violations.map(({ id, help, nodes }) => `${id}: ${help}, as in ${nodes[0].html.slice(0, 200)}`);
}
"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Elements wider than a parent that neither scrolls nor clips, so that they overlap a neighbor.
STICKING_OUT = """
() => {
  for (const each of document.querySelectorAll("details")) each.open = true;
  const flows = (each) => !["absolute", "fixed"].includes(getComputedStyle(each).position);
  const clips = (each) => each !== document.body && getComputedStyle(each).overflowX !== "visible";
  const isClipped = (each) => each.parentElement && (clips(each.parentElement) || isClipped(each.parentElement));
  return Array.from(document.querySelectorAll("main *:not(svg *)"))
    .filter((each) => each.checkVisibility() && flows(each) && !isClipped(each))
    .filter((each) => {
      const [inner, outer] = [each, each.parentElement].map((box) => box.getBoundingClientRect());
      return inner.width && outer.width && (inner.right > outer.right + 1 || inner.left < outer.left - 1);
    })
    .map((each) => each.outerHTML.slice(0, 200));
}
"""


@dataclass(frozen=True)
class Findings:
    """The pages that were visited, and a line for each problem."""

    visited: list[Page] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


def look_at(context: BrowserContext, pages: Iterable[Page]) -> Findings:
    """Visit each page once, and look for every kind of problem there."""
    findings = Findings()
    tab, tab_of_errors = context.new_page(), context.new_page()
    listen(tab, findings.complaints)
    for page in pages:
        visitor = tab_of_errors if page.is_error else tab
        run.visit(visitor, page)
        findings.visited.append(page)
        findings.violations.extend(f"{page.label}, {line}" for line in violations(visitor))
        if not page.is_error:
            # Last, as it opens parts of the page.
            findings.misfits.extend(f"{page.label}: {line}" for line in misfits(visitor))
    return findings


def violations(tab: Tab) -> list[str]:
    """What axe-core says about the open page in each theme.

    The script is evaluated once, from outside the page, so the page's CSP stays strict.
    """
    tab.evaluate(AXE_SCRIPT)
    found = []
    for theme, options in RULES_OF_THEMES.items():
        tab.emulate_media(color_scheme=theme)
        found += [f"{theme}: {line}" for line in tab.evaluate(BROKEN_RULES, options)]
    return found


def misfits(tab: Tab) -> list[str]:
    """What is wider than the screen, or sticks out of its parent, once everything is opened."""
    overflow = tab.evaluate(OVERFLOW)
    wide = [f"{overflow} pixels wider than the screen"] if overflow > 0 else []
    return [*wide, *tab.evaluate(STICKING_OUT)]


def listen(tab: Tab, complaints: list[str]) -> None:
    """Note script errors and CSP violations from now on."""
    tab.on("pageerror", lambda error: complaints.append(f"{tab.url}: {error}"))
    tab.on("console", lambda message: _note(tab, message, complaints))


def _note(tab: Tab, message: ConsoleMessage, complaints: list[str]) -> None:
    if message.type in {"error", "warning"}:
        complaints.append(f"{tab.url}: {message.text}")
