"""Selection of the files of a repository."""

import pytest

from generation.engine.checkpoints.store import file_selection
from generation.engine.checkpoints.store.file_selection import Choice
from generation.engine.checkpoints.store.structure import INDEX
from generation.engine.checkpoints.store.weights import Unusable

FULL = "unet/diffusion_pytorch_model.safetensors"
HALF = "unet/diffusion_pytorch_model.fp16.safetensors"


def selected(*names: str, half: bool = False) -> list[Choice]:
    return file_selection.select(names, parts=["unet"], half=half)


def test_the_index_and_configurations_come_with_the_weights() -> None:
    chosen = selected(FULL, "unet/config.json", "unet/README.md", "vae/config.json", "LICENSE.md")

    assert [choice.path for choice in chosen] == [INDEX, "unet/config.json", FULL]


@pytest.mark.parametrize(("half", "source"), [(False, FULL), (True, HALF)])
def test_of_two_precisions_one_is_chosen_under_the_plain_name(half: bool, source: str) -> None:
    assert Choice(FULL, source) in selected(FULL, HALF, half=half)
    assert len(selected(FULL, HALF, half=half)) == 2


@pytest.mark.parametrize("half", [False, True])
def test_the_only_precision_is_chosen_whatever_is_preferred(half: bool) -> None:
    assert Choice(FULL, HALF) in selected(HALF, half=half)
    assert Choice(FULL, FULL) in selected(FULL, half=half)


@pytest.mark.parametrize("variant", ["bf16", "non_ema", "fp32", "ema_only"])
@pytest.mark.parametrize("half", [False, True])
def test_a_variant_that_is_the_only_one_is_chosen(variant: str, half: bool) -> None:
    only = f"unet/diffusion_pytorch_model.{variant}.safetensors"

    assert Choice(FULL, only) in selected(only, "unet/config.json", half=half)


def test_weights_of_training_alone_are_the_last_choice() -> None:
    order = [FULL, HALF, *(FULL.replace(".s", f".{each}.s") for each in ("bf16", "x", "non_ema"))]

    while len(order) > 1:
        assert Choice(FULL, order[0]) in selected(*reversed(order))
        order.pop(0)


def test_shards_may_have_their_variant_at_the_end() -> None:
    shard = "unet/model-00001-of-00002.fp16.safetensors"

    assert Choice(shard, shard) in selected(shard)


def test_shards_keep_their_names_and_their_index_loses_its_variant() -> None:
    shard = "unet/model.fp16-00001-of-00002.safetensors"

    chosen = selected(shard, "unet/model.safetensors.index.fp16.json", half=True)

    assert Choice(shard, shard) in chosen
    assert (
        Choice("unet/model.safetensors.index.json", "unet/model.safetensors.index.fp16.json")
        in chosen
    )


def test_indexes_of_pickled_shards_are_left_out() -> None:
    chosen = selected(FULL, "unet/diffusion_pytorch_model.bin.index.json")

    assert [choice.path for choice in chosen] == [INDEX, FULL]


def test_files_in_deeper_folders_are_left_out() -> None:
    assert [choice.path for choice in selected("unet/onnx/config.json", FULL)] == [INDEX, FULL]


def test_a_part_with_pickles_alone_is_refused() -> None:
    with pytest.raises(Unusable, match="unet is there as a pickle only"):
        selected("unet/diffusion_pytorch_model.bin", "unet/config.json")


def test_only_parts_that_the_repository_has_are_asked_for() -> None:
    index = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "safety_checker": [None, None],
    }

    assert file_selection.parts_of(index, among={"unet", "safety_checker", "vae_2"}) == ["unet"]


def test_a_depth_estimator_brings_its_feature_extractor() -> None:
    index = {
        "depth_estimator": ["transformers", "DPTForDepthEstimation"],
        "feature_extractor": ["transformers", "DPTImageProcessor"],
    }

    assert file_selection.parts_of(index, among={"depth_estimator"}) == [
        "depth_estimator",
        "feature_extractor",
    ]
    assert file_selection.parts_of(index, among={"unet"}) == []
