import stat
import threading
import time
import urllib.parse
from pathlib import Path

import psycopg
import pytest
import redis

from sdsite import embedded


@pytest.fixture
def folder(empty_data_folder):
    return empty_data_folder()


def test_the_database_keeps_its_data_from_one_start_to_the_next(folder):
    with (
        embedded.postgres(folder / "postgres") as server,
        psycopg.connect(server.url) as connection,
    ):
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    with (
        embedded.postgres(folder / "postgres") as server,
        psycopg.connect(server.url) as connection,
    ):
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_two_databases_run_side_by_side(folder):
    with (
        embedded.postgres(folder / "one", durable=False) as one,
        embedded.postgres(folder / "two", durable=False) as two,
    ):
        embedded.ping_database(one.url)
        embedded.ping_database(two.url)

        assert one.url != two.url


def test_the_database_listens_on_no_port_and_lets_nobody_else_in(folder):
    with (
        embedded.postgres(folder / "postgres", durable=False) as server,
        psycopg.connect(server.url) as connection,
    ):
        sockets = Path(urllib.parse.parse_qs(urllib.parse.urlsplit(server.url).query)["host"][0])

        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700


def test_servers_are_gone_after_the_block(folder):
    with embedded.postgres(folder / "postgres", durable=False) as database:
        pass
    with embedded.valkey(folder / "valkey.log") as valkey:
        pass

    with pytest.raises(embedded.ServerUnreachable):
        embedded.ping_database(database.url)
    with pytest.raises(embedded.ServerUnreachable):
        embedded.ping(valkey.url)


def test_valkey_listens_on_no_port(folder):
    with (
        embedded.valkey(folder / "valkey.log") as server,
        redis.Redis.from_url(server.url) as client,
    ):
        assert client.config_get("port") == {"port": "0"}


def test_a_database_that_cant_start_says_why(folder):
    with embedded.postgres(folder / "postgres", durable=False):
        pass
    (folder / "postgres" / "postgresql.conf").write_text("shared_buffers = 'lots'")

    with (
        pytest.raises(embedded.ServerUnreachable, match=r"PostgreSQL does not start.*postgres.log"),
        embedded.postgres(folder / "postgres"),
    ):
        pass


def test_folders_get_their_modes_back_also_from_a_set_up_that_fails(tmp_path):
    above = tmp_path / "above"
    above.mkdir(mode=0o700)

    def set_up():
        with embedded._only_traversable(above / "postgres"):
            above.chmod(0o755)
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        set_up()

    assert stat.S_IMODE(above.stat().st_mode) == 0o711


def test_sites_that_are_set_up_at_once_do_not_take_each_others_modes(tmp_path):
    above = tmp_path / "above"
    above.mkdir(mode=0o700)
    is_open = threading.Event()

    def set_up_first():
        with embedded._only_traversable(above / "one"):
            above.chmod(0o755)
            is_open.set()
            # The second one would look now.
            time.sleep(0.2)

    first = threading.Thread(target=set_up_first)
    first.start()
    is_open.wait()
    with embedded._only_traversable(above / "two"):
        above.chmod(0o755)
    first.join()

    assert stat.S_IMODE(above.stat().st_mode) == 0o711
