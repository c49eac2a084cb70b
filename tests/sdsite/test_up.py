"""A real `manage.py up`."""

import contextlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from http.cookiejar import CookieJar
from urllib.parse import urlencode

import httpx2
import psutil
import psycopg
import pytest
from django.core.management.base import CommandError

from sdsite import embedded
from sdsite.management.commands import up
from sdsite.processes import PROJECT, Child
from tests.generation.api.site import made_key
from tests.running import (
    DEAF_TO_CTRL_C,
    ENVIRONMENT,
    READY_SECONDS,
    Site,
    free_port,
    wait_for,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def start():
    sites = []

    def start_site(data, **options):
        sites.append(Site(data, **options))
        return sites[-1]

    yield start_site
    for site in sites:
        site.process.kill()
        site.ended()


def test_what_is_ready_serves_and_ctrl_c_ends_every_process(start, empty_data_folder):
    data = empty_data_folder()
    site = start(data).wait_until_ready()
    processes = site.processes
    with site.get("/readyz") as response:
        answer = response.read()
    open_to_others = set(files_open_to_others(data))

    site.process.send_signal(signal.SIGINT)

    assert b"false" not in answer
    assert site.ended() == 0
    assert len(processes) >= 10
    assert [process for process in processes if process.is_running()] == []
    assert "Traceback" not in site.output
    assert open_to_others == set()
    assert data.stat().st_mode & 0o777 == 0o711


def test_ctrl_c_ends_it_while_an_agent_reads_a_stream(start, new_data_folder):
    site = start(new_data_folder()).wait_until_ready()
    secret = made_key(site, "agents@example.com")
    processes = site.processes

    with open_stream(site, secret) as lines:
        next(line for line in lines if line.startswith("data: "))
        site.process.send_signal(signal.SIGINT)
        # The server closes the stream, so the client has nothing to do.
        for _line in lines:
            pass
        status = site.ended()

    assert status == 0
    assert [process for process in processes if process.is_running()] == []
    assert "Traceback" not in site.output


@contextlib.contextmanager
def open_stream(site, secret):
    """The lines of a call that takes far longer than a test."""
    headers = {
        "Authorization": f"Bearer {secret}",
        "Accept": "application/json, text/event-stream",
    }
    wish = {"prompt": "a boat", "width": 512, "height": 512, "num_inference_steps": 150}
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "generate", "arguments": wish, "_meta": {"progressToken": 1}},
    }
    with httpx2.stream(
        "POST", f"{site.url}/mcp", json=message, headers=headers, timeout=READY_SECONDS
    ) as response:
        yield response.iter_lines()


def files_open_to_others(folder):
    """All that a site keeps in its data folder, where another user or group may do anything with it."""
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.lstat().st_mode & 0o077 and not path.is_symlink():
                yield path


def test_without_debug_it_runs_as_it_does_online_until_a_part_keeps_ending(start, new_data_folder):
    site = start(new_data_folder(), DEBUG="0", HTTPS="0").wait_until_ready()

    with site.get("/plans/") as page:
        style = re.search(r'href="(/static/css/site\.\w+\.css)"', page.read().decode())[1]
    with site.get(style) as sheet:
        assert "immutable" in sheet.headers["Cache-Control"]
    assert "demo account" not in site.output

    while site.process.poll() is None:
        site.kill("worker")
        time.sleep(0.1)

    assert site.ended() == 1
    assert "The worker keeps ending (status 137)" in site.lines[-1]


def test_a_second_start_still_has_the_data_and_who_signed_in(start, new_data_folder):
    data = new_data_folder()
    site = start(data).wait_until_ready()
    browser = sign_in_to_demo_account(site)
    site.process.send_signal(signal.SIGTERM)
    assert site.ended() == 0

    again = start(data, port=site.port).wait_until_ready()

    with browser.open(f"{again.url}/account/settings/") as page:
        assert page.url == f"{again.url}/account/settings/"


def sign_in_to_demo_account(site):
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    url = f"{site.url}/accounts/login/"
    with browser.open(url) as page:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())[1]
    fields = {
        "login": "demo@example.com",
        "password": site.demo_password,
        "csrfmiddlewaretoken": token,
    }
    with browser.open(url, urlencode(fields).encode()) as page:
        assert page.url == f"{site.url}/studio/"
    return browser


def test_of_two_sites_side_by_side_each_can_be_ended_also_one_in_the_background(
    start, new_data_folder
):
    one = start(new_data_folder(), within=DEAF_TO_CTRL_C)
    two = start(new_data_folder())
    one.wait_until_ready()
    two.wait_until_ready()

    one.process.send_signal(signal.SIGINT)

    assert one.ended() == 0
    with two.get("/healthz") as response:
        assert response.read() == b"ok\n"


def test_a_taken_port_ends_it_with_one_line(start, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        site = start(tmp_path, port=server.getsockname()[1])

        assert site.ended() == 1
    assert len(site.lines) == 1
    assert f"Port {site.port} can't be used" in site.lines[0]


def test_a_part_that_ends_is_started_again_and_a_killed_site_leaves_no_process(
    start, new_data_folder
):
    site = start(new_data_folder()).wait_until_ready()
    beat = site.process_of("beat")

    beat.kill()

    wait_for(lambda: "Beat ended (status 137): starting it again" in site.lines)
    wait_for(lambda: set(site.processes_of("beat")) - {beat})
    with site.get("/healthz") as response:
        assert response.read() == b"ok\n"

    processes = site.processes
    site.process.kill()

    wait_for(lambda: not any(process.is_running() for process in processes))


def test_servers_that_end_are_started_again_with_their_data(empty_data_folder):
    data = empty_data_folder()
    with (
        embedded.valkey(data / "valkey.log") as valkey,
        embedded.postgres(data / "postgres") as database,
    ):
        with psycopg.connect(database.url) as connection:
            connection.execute("CREATE TABLE picture AS SELECT 'a red house' AS prompt")
        servers = [valkey.process, database.process]
        for server in servers:
            kill(server)

        quick_ends = Counter()
        wait_for(lambda: restart_ended(servers, quick_ends) and answer(valkey, database))

        with psycopg.connect(database.url) as connection:
            assert connection.execute("SELECT prompt FROM picture").fetchall() == [("a red house",)]


def kill(server):
    for process in psutil.Process(server._process.pid).children():
        process.kill()
    server.wait()


def restart_ended(servers, quick_ends):
    up.Command()._restart_ended(servers, quick_ends)
    return all(server.status is None for server in servers)


def answer(valkey, database):
    try:
        embedded.ping(valkey.url)
        embedded.ping_database(database.url)
    except embedded.ServerUnreachable:
        return False
    return True


def test_a_server_that_keeps_ending_ends_the_site_with_its_last_words(tmp_path):
    command = ["sh", "-c", "echo the disk is full; exit 3"]
    with Child("PostgreSQL", command, log=tmp_path / "postgres.log") as server:
        server.wait()

        with pytest.raises(CommandError, match=r"keeps ending \(status 3\): the disk is full"):
            up.Command()._restart(server, quick_ends=up.QUICK_ENDS)


@pytest.mark.parametrize(
    ("variable", "server"),
    [
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing"),
        ("REDIS_URL", "redis://127.0.0.1:1/0"),
    ],
)
def test_servers_that_dont_answer_end_it_with_one_line(tmp_path, variable, server):
    result = subprocess.run(
        [sys.executable, "manage.py", "up", f"--port={free_port()}", f"--data={tmp_path}"],
        cwd=PROJECT,
        env={**ENVIRONMENT, variable: server},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 1
    assert "can't be reached" in result.stderr
    assert variable in result.stderr
    assert len(result.stderr.splitlines()) == 1
