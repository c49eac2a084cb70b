"""Connections to PostgreSQL that notice when it is away, and when it is back."""

import psycopg
import pytest
from django.db import connection

from sdsite.settings import DATABASES

OPTIONS = DATABASES["default"]["OPTIONS"]
# The longest that a page without PostgreSQL may take to say so, and a worker to find it again.
AWAY_SECONDS = 2
BACK_SECONDS = 15


def test_a_page_does_not_wait_long_for_a_connection():
    assert OPTIONS["pool"]["timeout"] <= AWAY_SECONDS


def test_the_pause_between_two_tries_stays_short():
    """Left alone, the pool doubles it for five minutes."""
    assert OPTIONS["pool"]["reconnect_timeout"] + OPTIONS["connect_timeout"] < BACK_SECONDS


def test_a_silent_network_ends_a_connection_soon():
    probing = OPTIONS["keepalives_idle"] + (
        OPTIONS["keepalives_interval"] * OPTIONS["keepalives_count"]
    )

    assert max(probing, OPTIONS["tcp_user_timeout"] / 1_000) < BACK_SECONDS


@pytest.mark.django_db
def test_libpq_knows_the_options():
    connection.ensure_connection()

    known = psycopg.conninfo.conninfo_to_dict(connection.connection.info.dsn)
    assert {name for name in OPTIONS if name != "pool"} <= known.keys()
