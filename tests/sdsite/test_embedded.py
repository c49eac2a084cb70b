import stat
import urllib.parse
from pathlib import Path

import psycopg
import pytest
import redis

from sdsite import embedded


def test_the_database_keeps_its_data_from_one_start_to_the_next(tmp_path):
    with (
        embedded.postgres(tmp_path / "postgres") as server,
        psycopg.connect(server.url) as connection,
    ):
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    with (
        embedded.postgres(tmp_path / "postgres") as server,
        psycopg.connect(server.url) as connection,
    ):
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_two_databases_run_side_by_side(tmp_path):
    with (
        embedded.postgres(tmp_path / "one", durable=False) as one,
        embedded.postgres(tmp_path / "two", durable=False) as two,
    ):
        embedded.ping_database(one.url)
        embedded.ping_database(two.url)

        assert one.url != two.url


def test_the_database_listens_on_no_port_and_lets_nobody_else_in(tmp_path):
    with (
        embedded.postgres(tmp_path / "postgres", durable=False) as server,
        psycopg.connect(server.url) as connection,
    ):
        sockets = Path(urllib.parse.parse_qs(urllib.parse.urlsplit(server.url).query)["host"][0])

        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700


def test_servers_are_gone_after_the_block(tmp_path):
    with embedded.postgres(tmp_path / "postgres", durable=False) as database:
        pass
    with embedded.valkey(tmp_path / "valkey.log") as valkey:
        pass

    with pytest.raises(embedded.ServerUnreachable):
        embedded.ping_database(database.url)
    with pytest.raises(embedded.ServerUnreachable):
        embedded.ping(valkey.url)


def test_valkey_listens_on_no_port(tmp_path):
    with (
        embedded.valkey(tmp_path / "valkey.log") as server,
        redis.Redis.from_url(server.url) as client,
    ):
        assert client.config_get("port") == {"port": "0"}


def test_a_database_that_cant_start_says_why(tmp_path):
    with embedded.postgres(tmp_path / "postgres", durable=False):
        pass
    (tmp_path / "postgres" / "postgresql.conf").write_text("shared_buffers = 'lots'")

    with (
        pytest.raises(embedded.ServerUnreachable, match=r"PostgreSQL does not start.*postgres.log"),
        embedded.postgres(tmp_path / "postgres"),
    ):
        pass
