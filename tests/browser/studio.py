"""Helpers for the studio's modes: mouse, pen, touch, clipboard and files."""

import base64
from io import BytesIO

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, PHONE

DESK = {"viewport": DESKTOP}
HAND = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
MAKE = "Make the picture"

# A DataTransfer with one file, as dragging or copying creates.
TRANSFER = """([content, name]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type: "image/png" }));
  return transfer;
}"""
PASTE = """(transfer) => document.dispatchEvent(
  new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }))"""


def picture(size=(256, 256)):
    """An image without two equal regions."""
    across, down = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    return Image.fromarray(np.stack([across, down, 255 - across], axis=-1).astype("uint8"))


def png(image):
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def start(page, mode):
    """Open the studio and choose the mode by its label."""
    page.goto("/studio/")
    choose_mode(page, mode)


def choose_mode(page, mode):
    page.get_by_role("group", name="Start from").get_by_text(mode, exact=True).click()


def modes(page):
    """Labels of the modes; empty without a choice."""
    return page.locator("[data-starts] label:visible").all_inner_texts()


def choose_model(page, name):
    page.locator("[data-models] summary").click()
    page.locator("[data-models]").get_by_text(name, exact=True).click()
    expect(page.locator("[data-model-name]")).to_have_text(name)


def choose(page, content, *, field="Picture", kind="image/png"):
    page.get_by_label(field, exact=True).set_input_files(
        {"name": "source.png", "mimeType": kind, "buffer": content}
    )


def drop(page, selector, content):
    page.locator(selector).dispatch_event("drop", {"dataTransfer": _transfer(page, content)})


def paste(page, content):
    page.evaluate(PASTE, _transfer(page, content))


def _transfer(page, content):
    return page.evaluate_handle(TRANSFER, [base64.b64encode(content).decode(), "source.png"])


def expect_picture(page):
    """Expect the input image to be visible and loaded."""
    shown = page.locator("[data-picture=image] [data-shown]")
    expect(shown).to_be_visible()
    expect(shown).to_have_js_property("complete", True)
    return shown


def stored(page, shown):
    """The file of the input image that is shown."""
    answer = page.request.get(shown.get_attribute("src"))
    with Image.open(BytesIO(answer.body())) as source:
        return source.copy()


def make(page, prompt, *, steps=4):
    """Submit the form, wait for the image, and open its page."""
    page.get_by_label("What should the picture show?").fill(prompt)
    settings = page.locator("[data-more-settings]")
    if not settings.evaluate("each => each.open"):
        settings.locator("summary").click()
    page.get_by_label("Steps", exact=True).fill(str(steps))
    page.get_by_role("button", name=MAKE).click()
    page.wait_for_url("**/studio/?job=*")
    card = page.locator("[data-card]")
    expect(card).to_have_attribute("data-status", "succeeded")
    card.get_by_role("link", name="Open").first.click()
    expect(page.get_by_role("link", name="Download")).to_be_visible()


def download(page):
    """The stored file of the image on the open page."""
    with Image.open(BytesIO(download_bytes(page))) as saved:
        return saved.convert("RGB")


def download_bytes(page):
    with page.expect_download() as started:
        page.get_by_role("link", name="Download").click()
    return started.value.path().read_bytes()


def made_from(page, name):
    """An input image of the image on the open page."""
    link = page.get_by_role("region", name="Made from").get_by_role("link", name=name)
    answer = page.request.get(link.get_attribute("href"))
    with Image.open(BytesIO(answer.body())) as source:
        return source.copy()


def fact(page, name):
    """The value of a setting on the image's page."""
    return page.locator(f"dt:text-is({name!r})").locator("+ dd").inner_text()


class Mouse:
    """Dispatch pointer events of a type, such as a pen."""

    def __init__(self, page, pointer="mouse"):
        self.cdp = page.context.new_cdp_session(page)
        self.pointer = pointer

    def drag(self, *points):
        buttons = {"button": "left", "buttons": 1, "clickCount": 1, "pointerType": self.pointer}
        for kind, (x, y) in _legs(points, "mousePressed", "mouseMoved", "mouseReleased"):
            self.cdp.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **buttons})


class Finger:
    def __init__(self, page):
        self.cdp = page.context.new_cdp_session(page)

    def drag(self, *points):
        for kind, (x, y) in _legs(points, "touchStart", "touchMove", "touchEnd"):
            touches = [] if kind == "touchEnd" else [{"x": x, "y": y}]
            self.cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


def _legs(points, press, move, lift):
    """Press at the first point, move over the others, release at the last."""
    yield press, points[0]
    for point in points[1:]:
        yield move, point
    yield lift, points[-1]


def within(locator, across, down):
    """Window coordinates of a point given in shares of an element's sides."""
    locator.scroll_into_view_if_needed()
    box = locator.bounding_box()
    return box["x"] + across * box["width"], box["y"] + down * box["height"]
