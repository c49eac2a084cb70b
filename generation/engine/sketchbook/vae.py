"""The autoencoder: 256 by 256 pixels to 16 by 16 latents of 4 channels and back.

One latent cell covers 16 by 16 pixels; in Stable Diffusion it covers 8 by 8. The unet's input is four times smaller,
so two CPU cores can train it. Flat shapes keep their quality.
"""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from numpy.typing import NDArray
from torch.nn.functional import avg_pool2d, l1_loss, mse_loss
from tqdm import tqdm

from generation.engine.sketchbook.pictures import Pixels
from generation.engine.sketchbook.stage import Stage

_NOISE = 0.1
_CROP = 128
_BATCH = 16
_PEAK_RATE = 2e-3


def build() -> AutoencoderTiny:
    """Return an untrained autoencoder, with the same weights every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return AutoencoderTiny(
            latent_channels=4,
            encoder_block_out_channels=(32,) * 5,
            decoder_block_out_channels=(32,) * 5,
            num_encoder_blocks=(0, 1, 1, 2, 4),
            num_decoder_blocks=(6, 4, 2, 1, 0),
        ).to(memory_format=torch.channels_last)


def start(path: Path) -> tuple[AutoencoderTiny, Stage]:
    """Return the autoencoder and its stage, restored from `path` if it exists."""
    vae = build()
    optimizer = torch.optim.AdamW(vae.parameters(), lr=_PEAK_RATE, weight_decay=1e-4, fused=True)
    return vae.eval(), Stage("vae", path, {"vae": vae}, optimizer)


def train(path: Path, pixels: Pixels, *, steps: int) -> None:
    """Train up to `steps` from the state in `path`: mostly on crops, at the end on whole images."""
    vae, stage = start(path)

    def loss(step: int, generator: torch.Generator) -> torch.Tensor:
        stage.set_rate(_rate(step, steps))
        whole = step >= 0.9 * steps
        batch = _batch(
            pixels,
            generator,
            crop=pixels.shape[1] if whole else _CROP,
            size=_BATCH // 4 if whole else _BATCH,
        )
        with torch.autocast("cpu", torch.bfloat16):
            return _loss(vae, batch, generator)

    vae.train()
    stage.run(steps, loss)


def _rate(step: int, steps: int) -> float:
    """Return the learning rate: a warm-up of 100 steps, then a half cosine to a fiftieth of the peak."""
    decay = 0.5 * (1 + np.cos(np.pi * min(1.0, step / steps)))
    return float(_PEAK_RATE * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * decay))


def _batch(pixels: Pixels, generator: torch.Generator, *, crop: int, size: int) -> torch.Tensor:
    """Return random crops, aligned to latent cells, in -1 to 1: float32, shape (size, 3, crop, crop)."""
    crop = min(crop, pixels.shape[1])
    picks = torch.randint(len(pixels), (size,), generator=generator).tolist()
    offsets = 16 * torch.randint((pixels.shape[1] - crop) // 16 + 1, (size, 2), generator=generator)
    crops = [
        pixels[pick, y : y + crop, x : x + crop]
        for pick, (y, x) in zip(picks, offsets.tolist(), strict=True)
    ]
    return to_tensor(np.stack(crops))


def to_tensor(pixels: Pixels) -> torch.Tensor:
    """Convert images (count, height, width, 3) of 0 to 255 to channels-last floats (count, 3, height, width) of -1 to 1."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(127.5).sub(1.0)


def _loss(vae: AutoencoderTiny, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return the error of pixels and edges, plus a weak pull of every latent channel to mean 0 and deviation 1.

    Noise on the latents makes the decoder robust to a unet's small errors. Badly decoded cells weigh more; otherwise plain
    skies and grounds would dominate the loss.
    """
    latents = vae.encode(batch).latents.float()
    pull = latents.mean((0, 2, 3)).square().mean() + (latents.std((0, 2, 3)) - 1).square().mean()
    noise = torch.randn(latents.shape, generator=generator)
    decoded = vae.decode(latents + _NOISE * noise).sample.float()
    error = avg_pool2d((decoded - batch).abs().mean(1, keepdim=True), 16)
    weight = (error / error.mean()).clamp(0.25, 4).detach()
    edges = l1_loss(decoded.diff(dim=2), batch.diff(dim=2)) + l1_loss(
        decoded.diff(dim=3), batch.diff(dim=3)
    )
    loss: torch.Tensor = (
        (weight * error).mean() + 2 * mse_loss(decoded, batch) + 0.5 * edges + 0.02 * pull
    )
    return loss


@torch.inference_mode()
def encode(vae: AutoencoderTiny, pixels: Pixels, *, batch: int = 32) -> NDArray[np.float16]:
    """Return the latents of many images: float16, shape (count, 4, height / 16, width / 16)."""
    starts = tqdm(range(0, len(pixels), batch), desc="encode", unit="batch")
    with torch.autocast("cpu", torch.bfloat16):
        parts = [
            vae.encode(to_tensor(pixels[start : start + batch])).latents.half().numpy()
            for start in starts
        ]
    return np.concatenate(parts)


@torch.inference_mode()
def decode(vae: AutoencoderTiny, latents: torch.Tensor) -> Pixels:
    """Return the images of latents: uint8, shape (count, height, width, 3)."""
    decoded = vae.decode(latents).sample
    pixels: Pixels = (
        decoded.add(1).mul(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    )
    return pixels


def fidelity(vae: AutoencoderTiny, pixels: Pixels) -> float:
    """Return the peak signal-to-noise ratio of reconstructed images, in decibels."""
    decoded = decode(vae, torch.from_numpy(encode(vae, pixels)).float())
    error = np.square(pixels.astype(np.float32) - decoded.astype(np.float32)).mean()
    return float(10 * np.log10(255**2 / error))
