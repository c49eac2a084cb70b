"""Configurations of text encoders: a single file's, from their tensors' shapes, and a folder's."""

from collections.abc import Mapping
from pathlib import Path

from generation.engine import strict_json
from generation.engine.checkpoints.store.inferred_configs import HEAD_WIDTH, Config
from generation.engine.checkpoints.store.inspection import (
    Contents,
    Encoder,
    Layout,
    Tensors,
    numbers_in,
)
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family

_CLIP_EMBEDDINGS = (
    "text_model.embeddings.token_embedding.weight",
    "embeddings.token_embedding.weight",
)
# The third is T5, whose layers nobody skips.
_CLIP_PARTS = ("text_encoder", "text_encoder_2")


def layers_in(folder: Path) -> int | None:
    """Return the layers of a folder's smallest CLIP text encoder; None if no configuration says.

    Raises OSError or ValueError.
    """
    paths = (folder / part / "config.json" for part in _CLIP_PARTS)
    found = [_layers(path) for path in paths if path.is_file()]
    return min((layers for layers in found if layers is not None), default=None)


def _layers(path: Path) -> int | None:
    layers = strict_json.read_object(path).get("num_hidden_layers")
    if layers is not None and (type(layers) is not int or layers < 1):
        raise ValueError(f"{path} has {layers!r} layers")
    return layers


def vocabulary_size(contents: Contents) -> int:
    """Return the number of tokens of the CLIP encoders, which share a vocabulary. Raises Unusable."""
    for encoder in contents.encoders:
        if encoder.layout is not Layout.T5:
            tensors = contents.under(encoder.prefix)
            for name in ("token_embedding.weight", *_CLIP_EMBEDDINGS):
                if name in tensors:
                    return tensors[name].shape[0]
    raise Unusable("The file's text encoder has no words.")


def text_encoder(contents: Contents, encoder: Encoder, *, ids: Mapping[str, int]) -> Config:
    """Return the configuration of a text encoder; `ids` are its special tokens. Raises Unusable."""
    tensors = contents.under(encoder.prefix)
    try:
        if encoder.layout is Layout.T5:
            return _t5(tensors)
        shape = _clip if encoder.layout is Layout.CLIP else _open_clip
        return {**shape(tensors, family=contents.family, part=encoder.part), **ids}
    except (KeyError, ValueError) as error:
        raise Unusable(f"{encoder.part} is of no known geometry: {error!r}") from error


def _clip(tensors: Tensors, *, family: Family, part: str) -> Config:
    # Version 2's encoder and the second of others are OpenCLIP's, whose activation differs from OpenAI's.
    is_open = part == "text_encoder_2" or family is Family.SD2
    named = {name.removeprefix("text_model."): tensor for name, tensor in tensors.items()}
    vocabulary, width = named["embeddings.token_embedding.weight"].shape
    projection = named.get("text_projection.weight")
    return _clip_config(
        vocabulary=vocabulary,
        width=width,
        length=named["embeddings.position_embedding.weight"].shape[0],
        layers=1 + max(numbers_in(named, r"encoder\.layers\.(\d+)\.")),
        inner=named["encoder.layers.0.mlp.fc1.weight"].shape[0],
        projection=projection.shape[0] if projection else width,
        activation="gelu" if is_open else "quick_gelu",
        is_projected=family is Family.SD3 or part == "text_encoder_2",
    )


def _open_clip(tensors: Tensors, *, family: Family, part: str) -> Config:
    vocabulary, width = tensors["token_embedding.weight"].shape
    layers = 1 + max(numbers_in(tensors, r"transformer\.resblocks\.(\d+)\."))
    projection = tensors.get("text_projection")
    return _clip_config(
        vocabulary=vocabulary,
        width=width,
        length=tensors["positional_embedding"].shape[0],
        # Stable Diffusion 2 skips the last one.
        layers=layers - 1 if family is Family.SD2 else layers,
        inner=tensors["transformer.resblocks.0.mlp.c_fc.weight"].shape[0],
        projection=projection.shape[1] if projection else width,
        activation="gelu",
        is_projected=family is not Family.SD2,
    )


def _clip_config(
    *,
    vocabulary: int,
    width: int,
    length: int,
    layers: int,
    inner: int,
    projection: int,
    activation: str,
    is_projected: bool,
) -> Config:
    name = "CLIPTextModelWithProjection" if is_projected else "CLIPTextModel"
    return {
        "architectures": [name],
        "model_type": "clip_text_model",
        "vocab_size": vocabulary,
        "hidden_size": width,
        "max_position_embeddings": length,
        "num_hidden_layers": layers,
        "num_attention_heads": width // HEAD_WIDTH,
        "intermediate_size": inner,
        "projection_dim": projection,
        "hidden_act": activation,
        "layer_norm_eps": 1e-5,
    }


def _t5(tensors: Tensors) -> Config:
    vocabulary, width = tensors["shared.weight"].shape
    buckets, heads = tensors[
        "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    ].shape
    return {
        "architectures": ["T5EncoderModel"],
        "model_type": "t5",
        "vocab_size": vocabulary,
        "d_model": width,
        "d_kv": tensors["encoder.block.0.layer.0.SelfAttention.q.weight"].shape[0] // heads,
        "d_ff": tensors["encoder.block.0.layer.1.DenseReluDense.wi_0.weight"].shape[0],
        "num_layers": 1 + max(numbers_in(tensors, r"encoder\.block\.(\d+)\.")),
        "num_heads": heads,
        "relative_attention_num_buckets": buckets,
        "feed_forward_proj": "gated-gelu",
        "is_encoder_decoder": False,
    }
