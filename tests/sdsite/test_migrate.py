import pytest
from django.core.management import call_command
from django.core.management.commands import migrate
from django.db import connection

LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


def limits():
    with connection.cursor() as cursor:
        values = []
        for name in LIMITS:
            cursor.execute(f"SHOW {name}")
            values.append(cursor.fetchone()[0])
        return tuple(values)


@pytest.mark.django_db(transaction=True)
def test_requests_have_limits():
    assert limits() == ("5s", "3s", "2s")


@pytest.mark.django_db(transaction=True)
def test_a_migration_may_take_its_time(monkeypatch):
    seen = []
    monkeypatch.setattr(migrate.Command, "handle", lambda *_, **__: seen.append(limits()))

    call_command("migrate")

    assert seen == [("0", "3s", "0")]
    assert limits() == ("5s", "3s", "2s")


@pytest.mark.django_db
def test_models_and_migrations_agree():
    call_command("makemigrations", check=True, dry_run=True)
