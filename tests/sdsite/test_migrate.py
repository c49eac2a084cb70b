import os

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.commands import migrate
from django.db import connection

from sdsite import settings as site

LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


def limits(connected):
    with connected.cursor() as cursor:
        values = []
        for name in LIMITS:
            cursor.execute(f"SHOW {name}")
            values.append(cursor.fetchone()[0])
        return tuple(values)


@pytest.mark.django_db(transaction=True)
def test_requests_have_limits():
    options = site.DATABASES["default"]["OPTIONS"]["options"]

    with psycopg.connect(os.environ["DATABASE_URL"], options=options) as connected:
        assert limits(connected) == ("5s", "3s", "2s")


@pytest.mark.django_db(transaction=True)
def test_a_migration_may_take_its_time(monkeypatch):
    usual, seen = limits(connection), []
    monkeypatch.setattr(migrate.Command, "handle", lambda *_, **__: seen.append(limits(connection)))

    call_command("migrate")

    lock = usual[LIMITS.index("lock_timeout")]
    assert seen == [("0", lock, "0")]
    assert limits(connection) == usual


@pytest.mark.django_db
def test_models_and_migrations_agree():
    call_command("makemigrations", check=True, dry_run=True)
