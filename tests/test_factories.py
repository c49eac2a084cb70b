import pytest

from billing import ledger
from billing.models import Unit
from billing.plans import PLANS, TRIAL, plan_of


@pytest.mark.django_db
def test_alice_and_bob_subscribe_and_charlie_tries(alice, bob, charlie):
    plans = [plan_of(user) for user in (alice, bob, charlie)]
    minutes = [ledger.available(user, Unit.GPU_MS) for user in (alice, bob, charlie)]

    assert plans == [PLANS["basic"], PLANS["basic"], TRIAL]
    assert minutes == [PLANS["basic"].gpu_ms, PLANS["basic"].gpu_ms, TRIAL.gpu_ms]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_time", [1, 2])
def test_what_a_committed_test_wrote_is_gone_in_the_next(alice, _time):
    assert ledger.available(alice, Unit.GPU_MS) == PLANS["basic"].gpu_ms
