import os

import pytest

from tests.generation.api.callers import Caller, buy_credits

# It would ask the network for prices when it is imported.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"


@pytest.fixture
def buyer(charlie):
    """Charlie, who bought credits."""
    return buy_credits(charlie)


@pytest.fixture
def caller(client, buyer):
    return Caller(client, buyer)


@pytest.fixture
def anothers(client, bob):
    """Bob's program, which must not see what Charlie's does."""
    return Caller(client, buy_credits(bob), name="Bob's")
