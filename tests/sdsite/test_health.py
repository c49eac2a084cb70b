from datetime import timedelta
from functools import partial

import pytest
from django.contrib.sessions.backends.cached_db import SessionStore
from django.core.cache.backends.redis import RedisCache
from django.db import OperationalError
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from generation.models import Job, Status
from sdsite import health

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_remembered():
    health._migrations.cache_clear()


def make_job(user, **fields):
    now = timezone.now()
    return Job.objects.create(
        **{"user": user, "request": {}, "quote_ms": 1, "hold_ms": 1, "queued_at": now, **fields}
    )


def parts(client):
    response = client.get("/readyz")
    # Without a worker, the site still signs people in, sells and shows.
    needed = {name: is_well for name, is_well in response.json().items() if name != "worker"}
    assert response.status_code == (200 if all(needed.values()) else 503)
    return response.json()


def has_worker(client):
    """True if /workerz says so; /readyz says the same, and stays ready."""
    response = client.get("/workerz")
    assert response.status_code == (200 if response.json()["worker"] else 503)
    assert client.get("/readyz").status_code == 200
    assert parts(client)["worker"] == response.json()["worker"]
    return response.json()["worker"]


def test_the_process_lives(client):
    assert client.get("/healthz").content == b"ok\n"


def test_a_site_with_nothing_to_do_is_ready(client):
    assert parts(client) == {"database": True, "valkey": True, "migrations": True, "worker": True}


def test_a_migration_that_is_missing_shows(client):
    MigrationRecorder.Migration.objects.filter(app="accounts").delete()

    assert not parts(client)["migrations"]


def test_a_missing_migration_is_noticed_when_it_is_applied(client):
    row = MigrationRecorder.Migration.objects.filter(app="sessions")
    kept = list(row)
    row.delete()
    before = parts(client)["migrations"]
    MigrationRecorder.Migration.objects.bulk_create(kept)

    assert (before, parts(client)["migrations"]) == (False, True)


def test_jobs_that_wait_while_no_worker_runs_any_show(client, alice):
    make_job(alice, queued_at=timezone.now() - health.WAIT - timedelta(seconds=1))

    assert not has_worker(client)


def test_jobs_may_wait_behind_others_that_run(client, alice):
    make_job(alice, queued_at=timezone.now() - health.WAIT - timedelta(seconds=1))
    make_job(alice, status=Status.RUNNING, lease_expires_at=timezone.now() + timedelta(seconds=30))

    assert has_worker(client)


def test_a_job_whose_worker_died_is_no_excuse(client, alice):
    make_job(alice, queued_at=timezone.now() - health.WAIT - timedelta(seconds=1))
    make_job(alice, status=Status.RUNNING, lease_expires_at=timezone.now())

    assert not has_worker(client)


def test_a_job_may_wait_a_moment(client, alice):
    make_job(alice)

    assert has_worker(client)


def test_valkey_out_of_reach_shows(client, monkeypatch):
    monkeypatch.setattr(health, "cache", RedisCache("redis://127.0.0.1:1/0", {}))

    assert not parts(client)["valkey"]


@pytest.fixture
def asked(monkeypatch):
    """The names of the parts that were asked, while PostgreSQL is away."""
    asked = []

    def ask(name, check):
        asked.append(name)
        if name != "valkey":
            raise OperationalError("away")
        check()

    checks = {name: partial(ask, name, check) for name, check in health.CHECKS.items()}
    monkeypatch.setattr(health, "CHECKS", checks)
    monkeypatch.setattr(health, "_worker", partial(ask, "worker", health._worker))
    return asked


def test_nothing_is_asked_after_the_first_failure(client, asked):
    assert parts(client) == {"database": False}

    assert asked == ["database"]


def test_whether_a_worker_runs_is_unknown_without_postgresql(client, asked):
    response = client.get("/workerz")

    assert (response.status_code, response.json()) == (503, {"worker": False})
    assert asked == ["worker"]


@pytest.mark.parametrize("path", sorted(health.PROBES))
def test_a_probe_reads_no_session(client, alice, monkeypatch, path):
    client.force_login(alice)
    monkeypatch.setattr(SessionStore, "load", _fail)

    assert client.get(path).status_code == 200


def _fail(*_):
    raise AssertionError("a session was read")


def test_other_pages_read_the_session(client, alice, monkeypatch):
    client.force_login(alice)
    monkeypatch.setattr(SessionStore, "load", _fail)

    with pytest.raises(AssertionError, match="a session was read"):
        client.get("/studio/")


def test_a_load_balancer_may_ask_by_any_name_and_without_https(client, settings):
    settings.SECURE_SSL_REDIRECT = True

    assert client.get("/readyz", headers={"host": "10.1.2.3"}).status_code == 200


def test_nobody_learns_why(client):
    MigrationRecorder.Migration.objects.all().delete()

    assert b"applied" not in client.get("/readyz").content
