"""The table in docs/checkpoints.md says what the code answers."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from generation.engine.checkpoints.store import (
    file_forms,
    fit,
    folder_import,
    importing,
    inferred_configs,
    inspection,
    pipelines,
    scheduler_configs,
)
from generation.engine.checkpoints.store.importing import ImportOptions
from generation.engine.checkpoints.store.weights import TensorInfo, Unusable
from generation.engine.enums import Family

PAGE = Path(__file__).parents[4] / "docs" / "checkpoints.md"
UNET = "model.diffusion_model.input_blocks.0.0.weight"
KEY = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight"
Shapes = Mapping[str, tuple[int, ...]]
Answer = Callable[[Path], object]


def names(shapes: Shapes) -> Answer:
    """Tensors of these names and shapes are inspected."""
    tensors = {name: TensorInfo("F16", shape) for name, shape in shapes.items()}

    def answer(folder: Path) -> object:
        # What is missing is said when the parts that are brought are known.
        return inspection.contents_of(tensors)

    return answer


def file(name: str, content: bytes) -> Answer:
    """A file of this name and content is added."""

    def answer(folder: Path) -> object:
        (folder / name).write_bytes(content)
        return importing.add(folder / name, ImportOptions(), root=folder / "store")

    return answer


def tiny(shapes: Shapes) -> Answer:
    """A file with tensors of these shapes, and no bytes of them, is added."""
    header = json.dumps(
        {
            name: {"dtype": "F16", "shape": [*shape[:-1], 0], "data_offsets": [0, 0]}
            for name, shape in shapes.items()
        }
    ).encode()
    return file("model.safetensors", len(header).to_bytes(8, "little") + header)


def inside(name: str, content: Any) -> Answer:
    """A folder with this JSON file is added."""

    def answer(folder: Path) -> object:
        path = folder / "given" / name
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content))
        return importing.add(folder / "given", ImportOptions(), root=folder / "store")

    return answer


def without_parts(folder: Path) -> object:
    return folder_import.require_parts(folder, Family.SD1)


def quantized(folder: Path) -> object:
    (folder / "unet").mkdir()
    (folder / "unet" / "config.json").write_text(
        json.dumps({"quantization_config": {"quant_method": "bitsandbytes"}})
    )
    return fit.require(folder, Family.SD1)


def unsaid_prediction(folder: Path) -> object:
    contents = inspection.Contents(family=Family.SD2, tensors={}, vae="vae.", encoders=())
    return inferred_configs.prediction_of(contents, None)


def pickled_part(folder: Path) -> object:
    given = folder / "given"
    (given / "unet").mkdir(parents=True)
    (given / "unet" / "model.bin").write_bytes(b"")
    (given / "model_index.json").write_text("{}")
    folder_import.take(given, folder / "taken", links=False, brought=())
    return None


HEADER = b"[" * 200
CUT = b'{"x":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}}'
# Of each row that is refused, something that it speaks of. The other rows have tests of their own.
REFUSED: Mapping[str, Answer] = {
    "a folder without a VAE or text encoder": without_parts,
    "a folder of another pipeline": inside("model_index.json", {"_class_name": "FluxPipeline"}),
    "a folder whose unet needs other inputs": lambda _: pipelines.require_unet(
        {"class_embed_type": "projection"}
    ),
    "a folder whose noise scheduler can't be followed": lambda _: scheduler_configs.require_known(
        {"_class_name": "EDMEulerScheduler"}, Family.SDXL
    ),
    "a folder that predicts anything but noise or v": lambda _: scheduler_configs.require_known(
        {"_class_name": "DDIMScheduler", "prediction_type": "sample"}, Family.SDXL
    ),
    "a folder with quantized weights": quantized,
    "a folder with pickles only": pickled_part,
    "one part of a folder": inside("config.json", {"_class_name": "UNet2DConditionModel"}),
    "a folder of PEFT": inside("adapter_config.json", {}),
    "a folder around a folder": inside("snapshots/abc/model_index.json", {}),
    "a folder of files": inside("dreams.safetensors", {}),
    "a name in another script": file("模型.safetensors", b""),
    "a file of SD2": unsaid_prediction,
    "a file without a VAE": tiny({UNET: (8, 4, 3, 3), "cond_stage_model.transformer.x": (1,)}),
    "a file without text encoders": tiny({UNET: (8, 4, 3, 3)}),
    "a VAE": names({"decoder.conv_in.weight": (8, 4, 3, 3)}),
    "a text encoder": names({"text_model.encoder.layers.0.mlp.fc1.weight": (8, 8)}),
    "CosXL": names({"edm_vpred.sigma_max": ()}),
    "a LoRA": names({KEY: (4, 2048)}),
    "a textual inversion": names({"clip_g": (4, 1280), "clip_l": (4, 768)}),
    "a ControlNet": names(
        {
            "control_model.time_embed.0.weight": (8, 8),
            "control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (8, 768),
        }
    ),
    "a T2I-Adapter": names({"image_proj.proj.weight": (8, 8)}),
    "an upscaler": names({"model.1.sub.0.RDB1.conv1.0.weight": (8, 8, 3, 3)}),
    "Flux": names({"double_blocks.0.img_attn.norm.key_norm.scale": (8,)}),
    "Stable unCLIP": names({"noise_augmentor.data_mean": (8,)}),
    "InstructPix2Pix": names({UNET: (8, 8, 3, 3)}),
    "quantized weights": names({"x.weight.absmax": (8,)}),
    "GGUF": file("model.gguf", b"GGUF"),
    ".ckpt": file("model.ckpt", b""),
    "ONNX": file("model.onnx", b""),
    "a ZIP": file("model.zip", b""),
    "a pointer of Git LFS": file(
        "model.safetensors", b"version https://git-lfs.github.com/spec/v1"
    ),
    "a web page": file("model.safetensors", b"<!doctype html>"),
    "a file that is cut off": file("m.safetensors", len(CUT).to_bytes(8, "little") + CUT),
    "a header that is damaged": file("m.safetensors", len(HEADER).to_bytes(8, "little") + HEADER),
}


def rows() -> dict[str, str]:
    """Return the answers of the table by what it is."""
    table = PAGE.read_text().split("| What it is | Answer |")[1].split("\n\n")[0]
    return dict(re.findall(r"^\| (.+?) \| (.+) \|$", table, re.MULTILINE))


@pytest.mark.parametrize("start", REFUSED)
def test_a_refusal_has_the_words_that_the_table_quotes(tmp_path: Path, start: str) -> None:
    (answer,) = (
        answer
        for what, answer in rows().items()
        if re.match(re.escape(start) + r"(?!\w)", what)
        # A longer start is another row's.
        and start == max((each for each in REFUSED if what.startswith(each)), key=len)
    )
    (words,) = re.findall('"(.+?)"', answer)

    with pytest.raises(Unusable) as raised:
        REFUSED[start](tmp_path)

    assert words in str(raised.value)


def test_every_refusal_of_the_table_is_tried() -> None:
    refused = [what for what, answer in rows().items() if not answer.startswith("taken")]

    assert len(refused) == len(REFUSED)
    assert all(any(what.startswith(start) for start in REFUSED) for what in refused)


def test_the_names_that_the_table_takes_are_those_of_weights() -> None:
    (row,) = (what for what in rows() if what.startswith("a name that ends in"))

    for ending in re.findall(r"\.\w+", row):
        assert file_forms.is_safetensors(Path(f"model{ending}"))
