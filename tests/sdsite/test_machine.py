import shutil
import socket

import pytest

from sdsite import machine


def test_a_port_in_use_is_refused_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        with pytest.raises(machine.Unsuitable, match=rf"{port}.*make run PORT="):
            machine.require_free_port(port)


def test_a_port_that_does_not_exist_is_refused():
    with pytest.raises(machine.Unsuitable, match="70000"):
        machine.require_free_port(70000)


def test_a_folder_is_made_for_its_owner_alone(tmp_path):
    with machine.claimed(tmp_path / "deep" / "data"):
        pass

    assert (tmp_path / "deep" / "data").stat().st_mode & 0o777 == 0o700


def test_two_sites_cant_share_a_folder(tmp_path):
    with (
        machine.claimed(tmp_path),
        pytest.raises(machine.Unsuitable, match="Another site"),
        machine.claimed(tmp_path),
    ):
        pass


def test_a_folder_is_free_again_afterwards(tmp_path):
    with machine.claimed(tmp_path):
        pass

    with machine.claimed(tmp_path):
        pass


def test_a_folder_that_cant_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()

    with (
        pytest.raises(machine.Unsuitable, match=r"can't be written.*DATA="),
        machine.claimed(tmp_path / "file" / "data"),
    ):
        pass


def test_a_full_disk_is_refused(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=3 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    with pytest.raises(machine.Unsuitable, match="Only 3 MB are free"), machine.claimed(tmp_path):
        pass


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path):
    first = machine.secret(tmp_path / "secret")
    second = machine.secret(tmp_path / "secret")

    assert first == second
    assert len(first) >= 50
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_nobody_answers_on_a_closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert not machine.answers(f"http://127.0.0.1:{port}/")
