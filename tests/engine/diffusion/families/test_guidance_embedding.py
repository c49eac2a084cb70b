"""Guidance scales as distilled denoisers read them."""

import torch
from diffusers import LatentConsistencyModelPipeline

from generation.engine.diffusion.families import guidance_embedding


def test_scales_are_embedded_bit_for_bit_as_diffusers_does() -> None:
    scales = [1.0, 1.1, 2.3, 7.7, 8.4, 12.9]

    embedded = guidance_embedding.embed(scales, width=256)

    # As its pipeline: the 1 is subtracted from Python's floats.
    given = torch.tensor([scale - 1 for scale in scales])
    expected = LatentConsistencyModelPipeline.get_guidance_scale_embedding(
        None, given, embedding_dim=256
    )
    assert torch.equal(embedded, expected)
