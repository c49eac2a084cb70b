import pytest

from billing.models import Unit
from billing.plans import CREDIT_PACKS, MEGAPIXEL, PLANS, PRODUCTS, TRIAL, Product, TopUp, WhenEmpty


@pytest.mark.parametrize(
    ("plan_id", "cents", "minutes", "jobs", "weight", "megapixels", "when_empty"),
    [
        ("basic", 10_00, 200, 2, 1, 1, WhenEmpty.PARK),
        ("standard", 30_00, 900, 4, 2, 2, WhenEmpty.RELAX),
        ("premium", 60_00, 2_000, 12, 4, 4, WhenEmpty.RELAX),
    ],
)
def test_the_plans_are_what_is_sold(
    plan_id: str,
    cents: int,
    minutes: int,
    jobs: int,
    weight: int,
    megapixels: int,
    when_empty: WhenEmpty,
) -> None:
    plan = PLANS[plan_id]

    assert (plan.price_cents, plan.gpu_minutes, plan.gpu_ms) == (cents, minutes, minutes * 60_000)
    assert (plan.jobs_at_once, plan.queue_weight) == (jobs, weight)
    assert (plan.max_pixels, plan.max_megapixels) == (megapixels * MEGAPIXEL, megapixels)
    assert plan.when_empty == when_empty


def test_no_plan_is_named_like_the_trial() -> None:
    assert TRIAL.id not in PLANS
    assert list(PLANS) == [plan.id for plan in PLANS.values()]


def test_a_credit_costs_a_cent() -> None:
    assert [pack.credits for pack in CREDIT_PACKS.values()] == [2_900, 4_900, 14_900]
    assert all(pack.credits == pack.price_cents for pack in CREDIT_PACKS.values())
    assert all(pack.thousandths == pack.credits * 1_000 for pack in CREDIT_PACKS.values())


def test_a_product_says_its_amount_and_what_one_of_it_costs() -> None:
    found = {
        product.id: (product.unit, product.amount, product.unit_price)
        for product in PRODUCTS.values()
    }

    assert found == {
        "minutes-100": (Unit.GPU_MS, 6_000_000, 7),
        "minutes-300": (Unit.GPU_MS, 18_000_000, 6),
        "minutes-1000": (Unit.GPU_MS, 60_000_000, 5),
        "credits-2900": (Unit.CREDITS, 2_900_000, 1),
        "credits-4900": (Unit.CREDITS, 4_900_000, 1),
        "credits-14900": (Unit.CREDITS, 14_900_000, 1),
    }


def test_a_product_is_a_plain_value() -> None:
    assert TopUp(id="x", price_cents=1, gpu_minutes=1) == TopUp(
        id="x", price_cents=1, gpu_minutes=1
    )
    with pytest.raises(TypeError):
        Product(id="x", price_cents=1)  # type: ignore[abstract]
