import pytest
from django.utils.translation import override

from billing.models import Unit
from billing.templatetags import amounts


@pytest.mark.parametrize(
    ("number", "unit", "total", "exact"),
    [
        (298_218, Unit.GPU_MS, "4 min 58 s", "298.218 s"),
        (3_218, Unit.GPU_MS, "3.2 s", "3.218 s"),
        (-3_218, Unit.GPU_MS, "−3.2 s", "−3.218 s"),
        (2_900_000, Unit.CREDITS, "2,900 credits", "2,900 credits"),
        (500, Unit.CREDITS, "0.5 credits", "0.5 credits"),
    ],
)
def test_an_amount_is_written_in_its_unit(number, unit, total, exact):
    assert amounts.amount(number, unit) == total
    assert amounts.exact_amount(number, unit) == exact


@pytest.mark.parametrize(
    ("number", "unit", "mark"),
    [
        (500, Unit.GPU_MS, "0.5 s"),
        (240_000, Unit.GPU_MS, "4 min"),
        (500, Unit.CREDITS, "0.5"),
        (2_000_000, Unit.CREDITS, "2,000"),
    ],
)
def test_a_mark_on_a_scale_is_short(number, unit, mark):
    assert amounts.round_amount(number, unit) == mark


def test_amounts_are_written_in_the_language_of_the_page():
    with override("zh-hans"):
        assert amounts.amount(2_900_000, Unit.CREDITS) == "2,900 点数"
