from datetime import timedelta

import pytest
from django.core.cache.backends.redis import RedisCache
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
    assert response.status_code == (200 if all(response.json().values()) else 503)
    return response.json()


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

    assert not parts(client)["worker"]


def test_jobs_may_wait_behind_others_that_run(client, alice):
    make_job(alice, queued_at=timezone.now() - health.WAIT - timedelta(seconds=1))
    make_job(alice, status=Status.RUNNING, lease_expires_at=timezone.now() + timedelta(seconds=30))

    assert parts(client)["worker"]


def test_a_job_whose_worker_died_is_no_excuse(client, alice):
    make_job(alice, queued_at=timezone.now() - health.WAIT - timedelta(seconds=1))
    make_job(alice, status=Status.RUNNING, lease_expires_at=timezone.now())

    assert not parts(client)["worker"]


def test_a_job_may_wait_a_moment(client, alice):
    make_job(alice)

    assert parts(client)["worker"]


def test_valkey_out_of_reach_shows(client, monkeypatch):
    monkeypatch.setattr(health, "cache", RedisCache("redis://127.0.0.1:1/0", {}))

    assert not parts(client)["valkey"]


def test_nobody_learns_why(client):
    MigrationRecorder.Migration.objects.all().delete()

    assert b"applied" not in client.get("/readyz").content
