"""Cumulative layout shift (CLS) as Chromium measures it; up to 0.1 is good."""

# A header that comes in two parts, between which a busy machine paints, moves by up to 0.01.
MOST = 0.02
WATCH = """
window.shifts = [];
const isInFooter = (node) => Boolean((node?.nodeType === Node.ELEMENT_NODE ? node : node?.parentElement)?.closest(".footer"));
new PerformanceObserver((list) => {
  for (const { value, sources } of list.getEntries()) {
    const nodes = sources.map(({ node }) => node);
    const moved = nodes.map((node) => node?.textContent.trim().slice(0, 80));
    window.shifts.push({ value, moved, isOfFooter: nodes.length > 0 && nodes.every(isInFooter) });
  }
}).observe({ type: "layout-shift", buffered: true });
"""


def watch(page):
    """Start measuring at the next page load."""
    page.add_init_script(WATCH)


def seen(page):
    """Each shift so far: its size, the moved elements, and a flag for the footer alone."""
    return page.evaluate("window.shifts")


def total(shifts):
    return sum(each["value"] for each in shifts)
