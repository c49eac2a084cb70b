import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.engine.charges import Charge
from generation.models import receipts
from generation.models.receipts import Receipt, ReceiptLine
from tests.generation.carrying import CHARGED_MS, CHARGES

AMPLE = 1_000_000
phases = st.sampled_from(["load", "encode", "step", "decode"])
charges = st.lists(
    st.builds(Charge, phase=phases, us=st.integers(0, 10_000_000), billed=st.booleans())
)


def test_a_receipt_has_a_line_for_each_charge():
    receipt = receipts.charged(CHARGES, ceiling_ms=AMPLE)

    assert receipt.lines == (
        ReceiptLine(phase="load", ms=900, billed=False),
        ReceiptLine(phase="encode", ms=34, billed=True),
        ReceiptLine(phase="step", ms=550, billed=True, index=1),
        ReceiptLine(phase="step", ms=550, billed=True, index=2),
        ReceiptLine(phase="decode", ms=100, billed=True, index=1),
    )
    assert receipt.charged_ms == CHARGED_MS


def test_fractions_are_carried_from_line_to_line_and_the_last_is_the_houses():
    third = [Charge(phase="step", index=n, us=1_400) for n in (1, 2, 3)]

    receipt = receipts.charged(third, ceiling_ms=AMPLE)

    assert [line.ms for line in receipt.lines] == [1, 1, 2]
    assert receipt.charged_ms == 4


@given(charges, st.integers(0, 20_000))
def test_the_billed_lines_sum_to_the_measured_time_or_to_the_ceiling(charges, ceiling_ms):
    receipt = receipts.charged(charges, ceiling_ms=ceiling_ms)

    measured_us = sum(charge.us for charge in charges if charge.billed)
    assert sum(line.ms for line in receipt.lines if line.billed) == receipt.charged_ms
    assert receipt.charged_ms == min(measured_us // 1_000, ceiling_ms)


def test_what_exceeds_the_ceiling_is_a_line_below_zero():
    receipt = receipts.charged(CHARGES, ceiling_ms=1_000)

    assert receipt.lines[-1] == ReceiptLine(phase="over_quote", ms=1_000 - CHARGED_MS, billed=True)
    assert receipt.charged_ms == 1_000


def test_a_charge_of_exactly_the_ceiling_needs_no_such_line():
    receipt = receipts.charged(CHARGES, ceiling_ms=CHARGED_MS)

    assert "over_quote" not in {line.phase for line in receipt.lines}


def test_waiting_and_storing_cost_nothing():
    receipt = receipts.charged(CHARGES, ceiling_ms=AMPLE, queue=5_000, storage=40)

    assert receipt.lines[0] == ReceiptLine(phase="queue", ms=5_000, billed=False)
    assert receipt.lines[-1] == ReceiptLine(phase="storage", ms=40, billed=False)
    assert receipt.charged_ms == CHARGED_MS


def test_the_lines_are_in_the_order_of_a_jobs_life():
    receipt = receipts.charged(CHARGES, ceiling_ms=1_000, storage=40, queue=5_000)

    assert [group.phase for group in receipt.groups] == [
        "queue",
        "load",
        "encode",
        "step",
        "decode",
        "storage",
        "over_quote",
    ]


@given(charges)
def test_a_free_receipt_tells_the_same_and_charges_nothing(charges):
    receipt = receipts.free(charges, queue=5)

    told = [(line.phase, line.index) for line in receipts.charged(charges, ceiling_ms=AMPLE).lines]
    assert [(line.phase, line.index) for line in receipt.lines[1:]] == told
    assert receipt.charged_ms == 0


def test_steps_are_grouped_under_one_sum():
    (steps,) = (
        group
        for group in receipts.charged(CHARGES, ceiling_ms=AMPLE).groups
        if group.phase == "step"
    )

    assert (steps.ms, steps.billed, len(steps.lines)) == (1_100, True, 2)


def test_a_receipt_survives_being_stored():
    receipt = receipts.charged(CHARGES, ceiling_ms=1_000, queue=5)

    assert Receipt.from_dict(receipt.to_dict()) == receipt


@pytest.mark.parametrize("phase", ["queue", "load", "encode", "step", "decode", "storage"])
def test_every_phase_has_a_name_to_show(phase):
    (group,) = receipts.free((), **{phase: 1}).groups

    assert str(group.name)
