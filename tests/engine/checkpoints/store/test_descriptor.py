"""Descriptors of an operator's own checkpoints."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generation.engine.checkpoints import builtin, catalogue
from generation.engine.checkpoints.catalogue import Catalogue
from generation.engine.checkpoints.store import descriptor
from generation.engine.checkpoints.store.descriptor import InvalidDescriptor
from generation.engine.enums import Family, Mode
from generation.engine.request import InvalidRequest
from tests.engine.cases import digest
from tests.engine.driving import a_request


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """A catalogue that reads its folder on every access."""
    monkeypatch.setattr(catalogue, "FRESH_SECONDS", 0)
    own = Catalogue(builtin.CHECKPOINTS)
    own.root = lambda: tmp_path
    return own


def describe(root: Path, id: str, content: Any) -> None:
    (root / id).mkdir(exist_ok=True)
    (root / id / descriptor.NAME).write_text(json.dumps(content))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    mine = replace(
        builtin.SDXL, id="mine", name="Mine", source="own", modes=frozenset({Mode.INPAINT})
    )

    descriptor.write(mine, tmp_path / "mine")

    assert descriptor.read(tmp_path / "mine") == mine


def test_what_is_left_out_is_the_familys(tmp_path: Path) -> None:
    describe(tmp_path, "mine", {"family": "sdxl", "guidance_scale": 3})

    mine = descriptor.read(tmp_path / "mine")

    assert (mine.name, mine.family, mine.guidance_scale) == ("mine", Family.SDXL, 3.0)
    assert mine.native_size == builtin.SDXL.native_size


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "it is no object"),
        ({}, "family"),
        ({"family": "sd9"}, "sd9"),
        ({"family": "sd1", "color": "red"}, "unknown: color"),
        ({"family": "sd1", "source": "sketchbook/checkpoint"}, "unknown: source"),
        ({"family": "sd1", "name": 7}, "7 is no text"),
        ({"family": "sd1", "native_size": "512"}, "no whole number"),
        ({"family": "sd1", "native_size": 500}, "must be multiples"),
        ({"family": "sd1", "min_size": 1024, "max_size": 256}, "must lie between"),
        ({"family": "sd1", "multiple": 0}, "must be multiples"),
        ({"family": "sd1", "modes": []}, "modes must not be empty"),
        ({"family": "sd1", "modes": ["dance"]}, "dance"),
        ({"family": "sd1", "noise_scheduler": "dance"}, "dance"),
        ({"family": "sd1", "num_inference_steps": 0}, "above zero"),
        ({"family": "sd1", "noise_scheduler": "tcd", "num_inference_steps": 51}, "at most 50"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_with_the_reason(
    tmp_path: Path, content: Any, reason: str
) -> None:
    describe(tmp_path, "mine", content)

    with pytest.raises(InvalidDescriptor, match=reason):
        descriptor.read(tmp_path / "mine")


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[" * 100_000 + "]" * 100_000,
        '{"family": "sd1", "guidance_scale": NaN}',
        r'{"family": "sd1", "name": "\ud800"}',
    ],
    ids=["cut off", "nested", "NaN", "half of a pair"],
)
def test_what_is_no_json_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / descriptor.NAME).write_text(content)

    with pytest.raises(InvalidDescriptor, match="cannot be read"):
        descriptor.read(tmp_path / "mine")


def test_the_catalogue_has_it_as_soon_as_it_is_there(own: Catalogue, tmp_path: Path) -> None:
    assert "mine" not in own
    describe(tmp_path, "mine", {"family": "sd1"})
    assert own["mine"].family is Family.SD1
    describe(tmp_path, "mine", {"family": "sd2"})
    assert own["mine"].family is Family.SD2
    (tmp_path / "mine" / descriptor.NAME).unlink()
    assert "mine" not in own


def test_those_that_are_listed_come_first_and_stay(own: Catalogue, tmp_path: Path) -> None:
    describe(tmp_path, "sd-1.5", {"family": "sdxl"})
    describe(tmp_path, "another", {"family": "sd1"})
    describe(tmp_path, ".hidden", {"family": "sd1"})

    assert own["sd-1.5"].family is Family.SD1
    assert list(own) == [*(each.id for each in builtin.CHECKPOINTS), "another"]


def test_what_cannot_be_read_is_left_out_and_complained_of_once(
    own: Catalogue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    describe(tmp_path, "bad", {"family": "sd9"})
    describe(tmp_path, "good", {"family": "sd1"})

    for _ in range(3):
        assert "bad" not in own
        assert "good" in own

    assert len([each for each in caplog.records if "sd9" in each.getMessage()]) == 1


def test_a_folder_that_is_not_there_has_nothing(own: Catalogue, tmp_path: Path) -> None:
    own.root = lambda: tmp_path / "nowhere"

    assert len(own) == len(builtin.CHECKPOINTS)


def test_what_was_seen_holds_for_a_moment(
    own: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "FRESH_SECONDS", 60)
    assert "mine" not in own
    describe(tmp_path, "mine", {"family": "sd1"})

    assert "mine" not in own


@pytest.mark.parametrize(
    ("written", "multiple", "shape_multiple"),
    [
        ({"family": "sd1", "multiple": 64}, 8, 64),
        ({"family": "sd3", "multiple": 64}, 16, 64),
        ({"family": "sd2", "multiple": 64, "modes": ["upscale"]}, 16, 64),
        ({"family": "sd1", "multiple": 32}, 32, 32),
        ({"family": "sd1", "multiple": 64, "shape_multiple": 64}, 64, 64),
    ],
    ids=str,
)
def test_a_descriptor_of_an_earlier_version_gets_the_sizes_of_this_one(
    tmp_path: Path, written: Any, multiple: int, shape_multiple: int
) -> None:
    describe(tmp_path, "mine", written)

    mine = descriptor.read(tmp_path / "mine")

    assert (mine.multiple, mine.shape_multiple) == (multiple, shape_multiple)


def test_a_depth_model_without_an_estimator_wants_a_depth_map(
    own: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As an earlier release described it.
    describe(tmp_path, "deep", {"family": "sd2", "modes": ["depth_to_image"], "native_size": 512})
    monkeypatch.setattr(catalogue, "CHECKPOINTS", own)
    wish = {
        "checkpoint": "deep",
        "mode": Mode.DEPTH_TO_IMAGE,
        "image": digest("image"),
        "width": 512,
        "height": 512,
    }

    with pytest.raises(InvalidRequest) as raised:
        a_request(**wish)
    assert raised.value.errors == {"depth": "Add a depth map: this model can't estimate one."}
    assert a_request(**wish, depth=digest("depth"))

    (tmp_path / "deep" / "depth_estimator").mkdir()
    assert a_request(**wish)


def test_a_model_without_depth_wants_no_depth_map(tmp_path: Path) -> None:
    describe(tmp_path, "mine", {"family": "sd2"})

    assert not descriptor.read(tmp_path / "mine").wants_depth


def encoder(root: Path, part: str, content: Any) -> None:
    (root / "mine" / part).mkdir()
    (root / "mine" / part / "config.json").write_text(json.dumps(content))


def test_clip_skip_goes_as_deep_as_the_smallest_text_encoder(
    own: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As an earlier release described it.
    describe(tmp_path, "mine", {"family": "sd1", "text_layers": 12})
    encoder(tmp_path, "text_encoder", {"num_hidden_layers": 3})
    encoder(tmp_path, "text_encoder_2", {"num_hidden_layers": 32})
    encoder(tmp_path, "text_encoder_3", {"num_hidden_layers": 1})
    monkeypatch.setattr(catalogue, "CHECKPOINTS", own)

    assert a_request(checkpoint="mine", width=512, height=512, clip_skip=3)
    with pytest.raises(InvalidRequest, match="from 1 to 3"):
        a_request(checkpoint="mine", width=512, height=512, clip_skip=8)


@pytest.mark.parametrize("content", [[], {"num_hidden_layers": "12"}, {"num_hidden_layers": 0}])
def test_a_damaged_text_encoder_is_refused_with_the_reason(tmp_path: Path, content: Any) -> None:
    describe(tmp_path, "mine", {"family": "sd1"})
    encoder(tmp_path, "text_encoder", content)

    with pytest.raises(InvalidDescriptor, match=r"text_encoder/config\.json"):
        descriptor.read(tmp_path / "mine")


def test_one_damaged_folder_leaves_the_others_in_the_catalogue(
    own: Catalogue, tmp_path: Path
) -> None:
    describe(tmp_path, "bad", {"family": "sd1"})
    (tmp_path / "bad" / "unet").mkdir()
    (tmp_path / "bad" / "unet" / "config.json").write_text("[]")
    describe(tmp_path, "good", {"family": "sd1"})

    assert ("bad" in own, "good" in own) == (False, True)
