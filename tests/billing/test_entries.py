import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from billing.models import Entry
from tests.billing.books import assert_books_balance, fund


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_entry SET amount = 1",
        "DELETE FROM billing_entry",
        "TRUNCATE billing_entry CASCADE",
    ],
)
def test_entries_cannot_be_changed(alice: User, statement: str) -> None:
    fund(alice, 500)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        execute_without_exception(statement)

    assert Entry.objects.get().amount == 500
    assert_books_balance()


def execute_without_exception(statement: str) -> None:
    """Execute it where nothing but our trigger may be what stops it."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL sdsite.allow_flush = 'off'")
        cursor.execute(statement)
