"""Rows that processes of the release before write during an upgrade."""

import pytest
from django.db import connection, models

from accounts.models import User
from billing.models import Customer, Payment, Subscription
from tests.billing import provider

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", [Customer, Subscription, Payment])
def test_a_row_without_an_account_is_stored(alice: User, model: type[models.Model]) -> None:
    provider.subscribe(alice)
    table = model._meta.db_table
    fields = model._meta.local_concrete_fields
    columns = ", ".join(f'"{field.column}"' for field in fields if field.name != "account")

    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE written ON COMMIT DROP AS SELECT * FROM {table}")
        cursor.execute(f"DELETE FROM {table}")
        cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM written")

    assert model._default_manager.values_list("account", flat=True).get() == ""
