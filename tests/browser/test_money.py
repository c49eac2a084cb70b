"""Plans, payments, plan changes and running out of minutes."""

import re

import pytest
from playwright.sync_api import expect

from tests.running import wait_for


@pytest.fixture
def page(open_page, accounts, request):
    """Sign in to an account without minutes, which runs out at once."""
    page = open_page(
        storage_state=accounts.state(f"{request.node.name.replace('_', '-')}@example.com", plan="")
    )
    page.goto("/studio/")
    return page


def take(page, plan):
    page.goto("/plans/")
    page.get_by_role("button", name=f"Take {plan}").click()
    expect(page.get_by_text("This is a test.")).to_be_visible()
    page.get_by_role("button", name="Pay with the test card").click()
    expect(page.get_by_role("heading", name=f"Welcome to {plan}")).to_be_visible()


def minutes(page):
    page.goto("/billing/")
    ms = page.locator("[data-available-ms]").get_attribute("data-available-ms")
    return int(ms) // 60_000


def look_until(page, path, shown):
    """Reload until the text appears: events take a moment, and pages about money are static."""

    def is_shown():
        page.goto(path)
        return shown.is_visible()

    wait_for(is_shown)


def ask_for_a_picture(page):
    page.goto("/studio/")
    page.get_by_label("What should the picture show?").fill("a white boat by the sea at sunset")
    page.get_by_role("button", name="Make the picture").click()


def test_a_plan_is_chosen_and_its_minutes_are_there(page):
    page.goto("/plans/")
    page.get_by_role("link", name="Yearly").click()
    expect(page.get_by_text("$100 a year: two months are free")).to_be_visible()

    take(page, "Basic")

    assert minutes(page) == 200
    expect(page.get_by_text("$10.00 a month")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="PDF").click()
    assert download.value.path().read_bytes().startswith(b"%PDF-")


def test_a_bank_that_asks_first_is_answered(page):
    page.goto("/plans/")
    page.get_by_role("button", name="Take Basic").click()

    page.get_by_role("button", name="whose bank asks first").click()
    page.get_by_role("button", name="Yes, it is me").click()

    expect(page.get_by_role("heading", name="Welcome to Basic")).to_be_visible()


def test_an_upgrade_shows_what_it_costs_and_brings(page):
    take(page, "Basic")
    page.goto("/plans/")

    page.get_by_role("link", name="Change to Standard").click()

    expect(page.get_by_text("You get now")).to_be_visible()
    page.get_by_role("button", name="Pay $20.00 and change").click()
    expect(page.get_by_text("You are on the Standard plan now.")).to_be_visible()
    assert minutes(page) in {899, 900}


def test_a_plan_is_canceled_and_that_is_undone(page):
    take(page, "Basic")
    page.goto("/billing/")

    page.get_by_role("link", name="Cancel the plan").click()
    expect(page.get_by_text("You won’t be charged again")).to_be_visible()
    page.get_by_role("button", name="Cancel the plan").click()
    expect(page.get_by_text("Ends on")).to_be_visible()
    page.get_by_role("button", name="Resume plan").click()

    expect(page.get_by_text("Your plan goes on.")).to_be_visible()
    expect(page.get_by_text("Next invoice")).to_be_visible()


def test_a_smaller_plan_waits_for_the_periods_end_and_that_is_undone(page):
    take(page, "Premium")
    page.goto("/plans/")

    page.get_by_role("link", name="Change to Basic").click()
    page.get_by_role("button", name="Change when the period ends").click()
    expect(page.get_by_text("Changes then to")).to_be_visible()
    page.get_by_role("button", name="Stay on Premium").click()

    expect(page.get_by_text("Your plan stays as it is.")).to_be_visible()


def test_credits_are_bought_without_a_plan(page):
    page.goto("/plans/")

    page.get_by_role("button", name="2,900 API credits", exact=False).click()
    page.get_by_role("button", name="Pay with the test card").click()

    expect(page.get_by_text("You have 2,900 credits for the API.")).to_be_visible()
    page.goto("/billing/")
    expect(page.locator("[data-available-credits]")).to_have_text("2,900")


def test_who_runs_out_is_parked_and_the_picture_starts_by_itself_once_it_is_paid(page):
    ask_for_a_picture(page)
    card = page.locator("[data-card]")
    expect(card).to_have_attribute("data-status", "parked")
    expect(page.locator(".strip")).to_contain_text("parked")
    # Paid on another page; this one is only open.
    other = page.context.new_page()
    other.goto("/studio/")

    other.locator("[data-card]").get_by_role("button", name="Buy 100 GPU minutes for $7").click()
    other.get_by_role("button", name="Pay with the test card").click()

    expect(other.get_by_text("of GPU time.")).to_be_visible()
    expect(card).to_have_attribute("data-status", "succeeded")
    expect(page.locator("[data-balance]")).to_have_text(re.compile(r"^99 min"))


def test_a_picture_starts_when_a_plan_is_taken(page):
    ask_for_a_picture(page)
    expect(page.locator("[data-card]")).to_have_attribute("data-status", "parked")

    take(page, "Basic")
    page.goto("/studio/")

    expect(page.locator("[data-card]")).to_have_attribute("data-status", "succeeded")


def test_on_a_larger_plan_a_picture_without_minutes_is_drawn_for_nothing(page):
    take(page, "Standard")
    page.goto("/billing/sandbox/portal/")
    page.get_by_role("button", name="Refund").click()
    look_until(page, "/billing/", page.locator("[data-available-ms='0']"))

    ask_for_a_picture(page)

    card = page.locator("[data-card]")
    expect(card).to_have_attribute("data-status", "succeeded")
    expect(card).to_contain_text("free, as relaxed")
    card.get_by_role("link", name="Receipt").click()
    expect(page.locator("[data-charged-ms]")).to_have_attribute("data-charged-ms", "0")


def test_a_renewal_that_fails_is_said_everywhere_and_paid(page):
    take(page, "Basic")
    page.goto("/billing/sandbox/portal/")
    page.get_by_label("A card that is declined").check()
    page.get_by_role("button", name="Use this card").click()
    page.get_by_role("button", name="Let a month pass").click()

    look_until(page, "/studio/", page.get_by_role("alert"))
    expect(page.get_by_role("alert")).to_contain_text("Your last payment failed.")
    page.get_by_role("alert").get_by_role("link", name="Pay now").click()
    page.get_by_role("button", name="Pay, and confirm it with the bank").click()

    expect(page.get_by_text("The invoice is paid.")).to_be_visible()
    look_until(page, "/billing/", page.get_by_text("Next invoice"))
    expect(page.get_by_role("alert")).to_have_count(0)
    assert minutes(page) == 400
