import pytest

from generation.worker import carrier, outcome, publisher, step_loop, tender, watchdog


@pytest.fixture
def quick(monkeypatch, settings):
    """Workers that look after their jobs and retry more often than on a site, and have all the time for them."""
    # A test that holds the engine for too long must not end the tests.
    settings.WORKER_STALL_SECONDS = 3_600
    for module, name in (
        (tender, "TEND_SECONDS"),
        (step_loop, "IDLE_SECONDS"),
        (publisher, "IDLE_SECONDS"),
        (watchdog, "LOOK_SECONDS"),
        (outcome, "RETRY_SECONDS"),
    ):
        monkeypatch.setattr(module, name, 0.05)
    # A slow machine must not exceed its budget.
    monkeypatch.setattr(carrier, "BUDGET_FACTOR", 1_000)
