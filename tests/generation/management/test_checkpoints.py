"""The checkpoints command: its arguments and its output."""

import os
import shutil
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.store.downloads import DOWNLOADS
from sdsite.processes import PROJECT
from tests.engine import toy_checkpoints
from tests.engine.checkpoints.store.hub import TOKEN, FakeHub, repository
from tests.engine.checkpoints.store.originals import sd1, sd3
from tests.engine.checkpoints.store.singlefile import single_file

SOURCE = DOWNLOADS["sd-1.5"].source


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A small checkpoint of version 1, in the layout of diffusers."""
    folder = tmp_path_factory.mktemp("toy") / "toy"
    toy_checkpoints.write(toy_checkpoints.TOYS["toy"], folder)
    return folder


@pytest.fixture
def root(tmp_path, settings, monkeypatch):
    monkeypatch.setattr(catalogue, "FRESH_SECONDS", 0)
    settings.CHECKPOINTS_DIR = tmp_path / "checkpoints"
    return settings.CHECKPOINTS_DIR


def type_in(*words, **options):
    output = StringIO()
    call_command("checkpoints", *words, stdout=output, **options)
    return output.getvalue()


def line_of(id):
    (line,) = [line for line in type_in("list").splitlines() if line.startswith(f"{id} ")]
    return line


@pytest.fixture
def hub(toy):
    hub = FakeHub()
    published = repository(toy)
    (files,) = published.commits.values()
    published.commits = {"a" * 40: {**files, "LICENSE.txt": b"Do no harm."}}
    hub.repositories[SOURCE] = published
    yield hub
    hub.close()


def fetch(hub, root, *words, token=""):
    """Run the command as in an operator's shell, without running servers."""
    environment = {
        "PATH": os.environ["PATH"],
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(root.parent / "hf"),
        "HF_TOKEN": token,
        "DATA_DIR": str(root.parent),
    }
    return subprocess.run(
        [sys.executable, "manage.py", "checkpoints", "fetch", "sd-1.5", *words],
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_checkpoint_is_fetched_by_one_command(hub, root):
    result = fetch(hub, root, "--accept-license")

    assert result.returncode == 0, result.stderr
    assert "sd-1.5 is here" in result.stdout
    assert "a" * 40 in result.stdout
    assert line_of("sd-1.5").split()[2:5] == ["here,", "0.0", "GB"]
    assert "unet/diffusion_pytorch_model.safetensors" in result.stderr
    assert catalogue.is_available(catalogue.get("sd-1.5"), root=root)


def test_a_license_that_nobody_accepts_stops_it(hub, root):
    result = fetch(hub, root)

    assert result.returncode == 1
    assert "Do no harm." in result.stdout
    assert "--accept-license" in result.stdout
    assert not (root / "sd-1.5").exists()


def test_a_gated_checkpoint_wants_the_operators_token(hub, root):
    hub.repositories[SOURCE].gated = True

    result = fetch(hub, root, "--accept-license")
    assert result.returncode == 1
    assert "set HF_TOKEN in the environment" in result.stderr
    assert "Traceback" not in result.stderr

    assert fetch(hub, root, "--accept-license", token=TOKEN).returncode == 0


def test_what_is_not_listed_cannot_be_fetched(root):
    with pytest.raises(CommandError, match="cannot be fetched"):
        type_in("fetch", "sd-9")


def test_a_folder_is_added_verified_and_removed(toy, root):
    assert "mine is here: sd1" in type_in("add", str(toy), "--id", "mine", "--name", "My model")
    assert line_of("mine").endswith("My model")
    assert "mine is whole" in type_in("verify")
    assert "mine is whole" in type_in("verify", "mine")

    assert "mine is removed" in type_in("remove", "mine", "--yes")

    assert "mine" not in catalogue.CHECKPOINTS
    assert not (root / "mine").exists()


def test_a_single_file_is_added_with_an_installed_vocabulary(toy, root, tmp_path):
    from safetensors.torch import save_file  # noqa: PLC0415  # slow import: safetensors

    save_file(single_file(sd1()), tmp_path / "dreams.safetensors")
    type_in("add", str(toy), "--id", "other")

    type_in("add", str(tmp_path / "dreams.safetensors"), "--vocabulary", "other")

    assert catalogue.is_available(catalogue.get("dreams"), root=root)


def test_a_file_without_its_vae_gets_that_of_another_checkpoint(toy, root, tmp_path):
    from safetensors.torch import save_file  # noqa: PLC0415  # slow import: safetensors

    weights = single_file(sd1())
    bare = {name: each for name, each in weights.items() if not name.startswith("first_stage")}
    save_file(bare, tmp_path / "dreams.safetensors")
    type_in("add", str(toy), "--id", "other")
    with pytest.raises(CommandError, match=r"has no VAE.*--vae PATH"):
        type_in("add", str(tmp_path / "dreams.safetensors"), "--vocabulary", "other")

    type_in("add", str(tmp_path / "dreams.safetensors"), "--vocabulary", "other", "--vae", "other")

    assert catalogue.is_available(catalogue.get("dreams"), root=root)


def test_t5_without_a_vocabulary_is_left_out_with_a_way_to_bring_it(toy, root, tmp_path):
    from safetensors.torch import save_file  # noqa: PLC0415  # slow import: safetensors

    weights = {name: each.clone() for name, each in single_file(sd3()).items()}
    save_file(weights, tmp_path / "three.safetensors")

    output = type_in("add", str(tmp_path / "three.safetensors"), "--vocabulary", str(toy))

    assert "three is here: sd3" in output
    assert "The file has T5's weights" in output
    assert "--vocabulary PATH" in output


def test_an_unreadable_descriptor_is_listed_with_its_fault(root):
    (root / "deep").mkdir(parents=True)
    (root / "deep" / "checkpoint.json").write_text("[" * 20_000)

    assert "unavailable" in line_of("deep")
    assert "nested too deeply" in type_in("list")
    with pytest.raises(CommandError, match="Damaged, and not used any more: deep"):
        type_in("verify", "deep")
    assert "deep is removed" in type_in("remove", "deep", "--yes")


def test_a_file_that_cannot_be_read_is_no_traceback(root, tmp_path):
    (tmp_path / "model.safetensors").symlink_to(tmp_path / "model.safetensors")

    with pytest.raises(CommandError, match=r"model\.safetensors"):
        type_in("add", str(tmp_path / "model.safetensors"))


def test_a_pickle_is_refused_with_the_reason(root, tmp_path):
    (tmp_path / "dreams.ckpt").write_bytes(b"")

    with pytest.raises(CommandError, match="can run code"):
        type_in("add", str(tmp_path / "dreams.ckpt"))


def test_damage_is_told_and_the_checkpoint_unavailable(toy, root):
    type_in("add", str(toy), "--id", "mine")
    weights = root / "mine" / "vae" / "diffusion_pytorch_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)

    with pytest.raises(CommandError, match="Damaged, and not used any more: mine"):
        type_in("verify")

    assert "unavailable" in line_of("mine")
    assert "its sum is another" in type_in("list")
    assert not catalogue.is_available(catalogue.get("mine"), root=root)


def test_what_was_put_by_hand_is_said_to_be(toy, root):
    shutil.copytree(toy, root / "sd-1.4")

    assert "put by hand" in line_of("sd-1.4")
    assert "seems whole" in type_in("verify", "sd-1.4")


def test_what_is_not_here_can_be_neither_verified_nor_removed(root):
    with pytest.raises(CommandError, match="not installed"):
        type_in("verify", "sd-1.5")
    with pytest.raises(CommandError, match="not installed"):
        type_in("remove", "sd-1.5", "--yes")
    with pytest.raises(CommandError, match="no checkpoint called nothing"):
        type_in("remove", "nothing", "--yes")


def test_removing_is_confirmed(toy, root):
    type_in("add", str(toy), "--id", "mine")

    with pytest.raises(CommandError, match="use --yes"):
        type_in("remove", "mine")

    assert (root / "mine").exists()
