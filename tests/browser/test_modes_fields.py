"""The studio's fields by model and mode, settings from a PNG, and the form without scripts."""

import shutil
from io import BytesIO

import pytest
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import expect

from tests.browser import studio
from tests.browser.findings import OVERFLOW
from tests.browser.studio import DESK, HAND
from tests.generation import installed
from tests.running import wait_for

# Fields and groups of fields of the modes, by selector.
FIELDS = {
    "picture": "[data-picture=image]",
    "mask": "[data-mask-tools]",
    "room": ".sides",
    "depth": "[data-picture=depth]",
    "strength": "[name=strength]",
    "noise level": "[name=noise_level]",
    "shape": "[data-studio] [data-use=shape]",
    "as the picture": "label:has([name=shape][value=picture])",
    "refine": "[name=refine]",
}
SHOWN = {
    "Words": {"shape"},
    "A picture": {"picture", "strength", "shape", "as the picture"},
    "Part of a picture": {"picture", "mask", "strength", "shape", "as the picture"},
    "Beyond its edges": {"picture", "room"},
}
# Models with only the attributes that the studio reads.
SHELF = {
    "shelf-depth": {"modes": ["depth_to_image"]},
    "shelf-upscaler": {"modes": ["upscale"]},
    "shelf-3": {"family": "sd3", "modes": ["text_to_image", "image_to_image"]},
    "shelf-refined": {"family": "sdxl", "refiner": "shelf-refiner"},
}


@pytest.fixture(scope="module")
def account(accounts):
    return accounts.state("fields@example.com", pictures=1, plan="basic")


@pytest.fixture(scope="module")
def shelf(site):
    root = site.data / "checkpoints"
    for id, description in SHELF.items():
        installed.put_own(root, id, **description)
    wait_for(lambda: all(id in site.get("/models/").read().decode() for id in SHELF))
    yield
    for id in SHELF:
        shutil.rmtree(root / id)


@pytest.fixture(params=[DESK, HAND], ids=["desktop", "phone"])
def page(request, open_page, account):
    page = open_page(storage_state=account, **request.param)
    page.goto("/studio/")
    return page


def shown(page):
    page.locator("[data-more-settings]").evaluate("each => { each.open = true; }")
    return {name for name, selector in FIELDS.items() if page.locator(selector).is_visible()}


@pytest.mark.parametrize("mode", SHOWN)
def test_a_mode_shows_its_own_fields_alone(page, mode):
    studio.choose_mode(page, mode)
    if mode != "Words":
        studio.choose(page, studio.png(studio.picture((64, 64))))
        studio.expect_picture(page)

    assert shown(page) == SHOWN[mode]


@pytest.mark.usefixtures("shelf")
def test_a_model_shows_its_own_modes_and_fields_alone(page):
    assert studio.modes(page) == list(SHOWN)
    note = page.get_by_text("small model comes with the site")
    expect(note).to_be_visible()

    studio.choose_model(page, "shelf-depth")
    expect(note).to_be_hidden()
    assert studio.modes(page) == []
    assert shown(page) == {"picture", "depth", "strength", "shape", "as the picture"}

    page.get_by_text("Use a depth map of my own").click()
    studio.choose(
        page,
        studio.png(studio.picture((64, 64))),
        field="Drop or choose a depth map: lighter is nearer",
    )
    page.get_by_role("button", name="Estimate it from the picture").click()
    expect(page.get_by_alt_text("The depth map")).to_be_hidden()
    expect(page.locator("[name=depth]")).to_have_value("")

    studio.choose_model(page, "shelf-upscaler")
    assert shown(page) == {"picture", "noise level"}

    studio.choose_model(page, "shelf-refined")
    assert shown(page) == {"shape", "refine"}
    studio.choose_mode(page, "A picture")
    assert "refine" not in shown(page)

    studio.choose_model(page, "shelf-3")
    assert studio.modes(page) == ["Words", "A picture"]
    able = page.locator("[name=noise_scheduler] option:enabled").all_inner_texts()
    assert able == ["The model's own", "Euler", "Heun"]
    sigmas = page.locator("[name=sigma_schedule] option:enabled")
    assert sigmas.all_inner_texts() == ["Default", "Uniform", "Karras", "Exponential", "Beta"]
    page.locator("[name=sigma_schedule]").select_option("Karras")
    page.locator("[name=noise_scheduler]").select_option("Heun")
    assert sigmas.all_inner_texts() == ["Default", "Uniform"]
    expect(page.locator("[name=sigma_schedule]")).to_have_value("")


def test_the_slider_says_what_strength_does(page):
    studio.choose_mode(page, "A picture")
    said = page.locator("[data-strength] output")
    slider = page.get_by_role("slider", name="Strength")

    expect(said).to_have_text("keeps the composition")
    slider.fill("0.2")
    expect(said).to_have_text("keeps nearly everything")
    expect(page.locator("[name=strength]")).to_have_value("0.2")
    page.locator("[name=strength]").fill("1")
    expect(slider).to_have_value("1")
    expect(said).to_have_text("keeps nothing")
    studio.choose_mode(page, "Part of a picture")
    expect(said).to_have_text("under the mask: keeps nothing")


def test_a_picture_of_ours_fills_in_what_it_was_made_from(page):
    source = studio.png(studio.picture((64, 64)))
    studio.choose_mode(page, "A picture")
    studio.choose(page, source)
    studio.expect_picture(page)
    page.get_by_label("Strength", exact=True).first.fill("0.7")
    page.get_by_text("Square", exact=True).click()
    studio.make(page, "a red house in the snow", steps=3)
    seed = studio.fact(page, "Seed")
    made = studio.download_bytes(page)
    page.goto("/studio/")

    studio.drop(page, "h1", made)

    expect(page.get_by_text("The settings of the picture are filled in.")).to_be_visible()
    expect(page.get_by_label("What should the picture show?")).to_have_value(
        "a red house in the snow"
    )
    expect(page.get_by_label("Steps", exact=True)).to_have_value("3")
    expect(page.get_by_label("Seed", exact=True)).to_have_value(seed)
    expect(page.locator("[name=strength]")).to_have_value("0.7")
    expect(page.get_by_role("radio", name="A picture", exact=True)).to_be_checked()
    expect(page.get_by_role("radio", name="Square")).to_be_checked()
    shown = studio.expect_picture(page)
    assert shown.evaluate("each => each.naturalWidth") == 64


def test_settings_that_cannot_be_used_are_listed(page):
    info = PngInfo()
    settings = "Steps: 7, Sampler: Heun, Seed: -1, Size: 5000x64, Model: <i>other"
    info.add_text("parameters", f"a tin robot\n{settings}")
    buffer = BytesIO()
    studio.picture((8, 8)).save(buffer, "PNG", pnginfo=info)
    page.locator("[data-more-settings]").evaluate("each => { each.open = true }")
    page.get_by_label("Seed", exact=True).fill("5")
    for side in ("width", "height"):
        page.locator(f"[name={side}]").evaluate("each => { each.value = 128 }")
    page.locator("[name=shape][value=custom]").evaluate("each => { each.checked = true }")

    studio.drop(page, "h1", buffer.getvalue())

    expect(page.locator("[data-left-out] li")).to_have_text(
        [
            "The seed -1 is out of range. A new one is drawn.",
            "The size 5000x64 is out of range.",
            "The model <i>other is not available here.",
        ]
    )
    expect(page.get_by_label("Steps", exact=True)).to_have_value("7")
    expect(page.get_by_label("Seed", exact=True)).to_have_value("")
    for side in ("width", "height"):
        expect(page.locator(f"[name={side}]")).to_have_value("")
    expect(page.locator("[name=shape][value=square]")).to_be_checked()
    assert page.evaluate(OVERFLOW) <= 0


def test_a_picture_of_nobodys_says_so(chromium, site, account):
    # Not by `open_page`: the console logs the refusal as an error.
    with chromium.new_context(base_url=site.url, storage_state=account, **DESK) as context:
        page = context.new_page()
        page.goto("/studio/")

        studio.drop(page, "[name=prompt]", studio.png(studio.picture((8, 8))))

        expect(page.get_by_text("This picture does not say how it was made.")).to_be_visible()


@pytest.mark.parametrize("mode", ["Words", "A picture"])
def test_pictures_are_made_without_scripts(open_page, account, mode):
    page = open_page(storage_state=account, java_script_enabled=False, **DESK)
    page.goto("/studio/")
    studio.choose_mode(page, mode)
    if mode == "A picture":
        studio.choose(page, studio.png(studio.picture((64, 64))))
    page.get_by_label("What should the picture show?").fill("a blue boat")
    page.get_by_text("More settings").click()
    page.get_by_label("Steps", exact=True).fill("3")

    page.get_by_role("button", name=studio.MAKE).click()

    # The page reloads by itself, and a finished job leaves it before a click could follow.
    follow = page.get_by_role("link", name="See how it goes")
    opened = page.get_by_role("link", name="Open").first
    expect(follow.or_(opened)).to_be_visible()
    if follow.is_visible():
        follow.click()
    opened.click()
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    if mode == "A picture":
        assert studio.fact(page, "Mode") == "Image to image"
