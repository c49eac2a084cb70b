"""The unet and its training.

It predicts v (Salimans and Ho, 2022) and is trained on whole 16 by 16 latents held in memory. The learning rate is
constant between a warm-up and a cool-down, and the result is a moving average of the weights. Training can therefore
be stopped, evaluated and continued at any step, also beyond its last.
"""

from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, UNet2DConditionModel
from diffusers.training_utils import EMAModel
from numpy.typing import NDArray
from torch.nn.functional import mse_loss
from transformers import CLIPTextModel, CLIPTokenizer

from generation.engine.sketchbook import captions, scenes, text_encoder
from generation.engine.sketchbook.stage import Stage

BATCH = 32
_RATE = 1e-3
_WARM_UP = 300
_COOL_DOWN = 600
_SHARE_UNCAPTIONED = 0.1
_SNR_LIMIT = 5.0
_TIMESTEP_POWER = 1.4


@dataclass(frozen=True)
class Material:
    """The training data: latents[n] (float16, 4 by 16 by 16) is the encoded drawing of scene n of `seed`."""

    latents: NDArray[np.float16]
    seed: str
    tokens: CLIPTokenizer
    encoder: CLIPTextModel


def scaling_factor(latents: NDArray[np.float16]) -> float:
    """Return the factor that brings latents to deviation 1; training and the saved VAE both use it."""
    return float(1 / latents.astype(np.float32).std())


def noise_scheduler() -> DPMSolverMultistepScheduler:
    """Return the noise schedule of the training, as the scheduler that samples best in few steps."""
    return DPMSolverMultistepScheduler(
        num_train_timesteps=1000,
        beta_start=1e-4,
        beta_end=0.02,
        beta_schedule="linear",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        steps_offset=1,
    )


def build() -> UNet2DConditionModel:
    """Return an untrained unet, with the same weights every time.

    Most parameters, and all attention, are at the two coarse levels.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return UNet2DConditionModel(
            sample_size=16,
            in_channels=4,
            out_channels=4,
            layers_per_block=1,
            block_out_channels=(64, 96, 160),
            norm_num_groups=16,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=text_encoder.WIDTH,
            attention_head_dim=32,
            use_linear_projection=True,
        ).to(memory_format=torch.channels_last)


class Averaged:
    """A moving average of a model's parameters, saved in a stage's state file."""

    def __init__(self, unet: UNet2DConditionModel) -> None:
        self._average = EMAModel(unet.parameters(), decay=0.9985, use_ema_warmup=True, power=0.75)
        self._unet = unet

    def update(self) -> None:
        """Add the model's present parameters to the average."""
        self._average.step(self._unet.parameters())

    def model(self) -> UNet2DConditionModel:
        """Return a unet with the averaged parameters, in evaluation mode."""
        unet = build()
        self._average.copy_to(unet.parameters())
        return unet.eval()

    def state_dict(self) -> dict[str, object]:
        return dict(self._average.state_dict())

    def load_state_dict(self, state_dict: dict[str, object]) -> None:
        self._average.load_state_dict(state_dict)


def start(path: Path) -> tuple[UNet2DConditionModel, Averaged, Stage]:
    """Return the unet, its moving average and its stage, restored from `path` if it exists."""
    unet = build()
    average = Averaged(unet)
    optimizer = torch.optim.AdamW(unet.parameters(), lr=_RATE, weight_decay=0.01, fused=True)
    stage = Stage(
        "unet", path, {"unet": unet, "average": average}, optimizer, after_step=average.update
    )
    return unet, average, stage


def train(path: Path, material: Material, *, steps: int) -> None:
    """Train up to `steps`, from the state in `path` if it exists."""
    unet, _, stage = start(path)
    alphas = noise_scheduler().alphas_cumprod
    scale = scaling_factor(material.latents)

    def loss(step: int, generator: torch.Generator) -> torch.Tensor:
        stage.set_rate(_RATE * min(1.0, (step + 1) / _WARM_UP, (steps - step) / _COOL_DOWN))
        latents, hidden = _batch(material, scale, generator)
        return _loss(unet, latents, hidden, alphas, generator)

    unet.train()
    stage.run(steps, loss)


def _batch(
    material: Material, scale: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return latents of random scenes (batch, 4, 16, 16) and encoded captions (batch, tokens, width), some empty."""
    rng = Random(int(torch.randint(2**62, (), generator=generator)))
    picks = [rng.randrange(len(material.latents)) for _ in range(BATCH)]
    said = [
        ""
        if rng.random() < _SHARE_UNCAPTIONED
        else captions.any_caption(scenes.numbered(pick, seed=material.seed), rng)
        for pick in picks
    ]
    with torch.no_grad():
        hidden = material.encoder(text_encoder.tokenize(material.tokens, said)).last_hidden_state
    return scale * torch.from_numpy(material.latents[picks]).float(), hidden


def _loss(
    unet: UNet2DConditionModel,
    latents: torch.Tensor,
    hidden: torch.Tensor,
    alphas: torch.Tensor,
    generator: torch.Generator,
) -> torch.Tensor:
    """Return the error of the predicted v.

    Timesteps with little noise are sampled more often; the weight of the least noisy ones falls as in min-SNR.
    """
    uniform = (torch.arange(len(latents)) + torch.rand(len(latents), generator=generator)) / len(
        latents
    )
    timesteps = (uniform**_TIMESTEP_POWER * len(alphas)).long().clamp(max=len(alphas) - 1)
    alpha = alphas[timesteps].view(-1, 1, 1, 1)
    noise = torch.randn(latents.shape, generator=generator)
    noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
    target = alpha.sqrt() * noise - (1 - alpha).sqrt() * latents
    predicted = unet(noisy.contiguous(memory_format=torch.channels_last), timesteps, hidden).sample
    snr = alpha / (1 - alpha)
    weight = (snr.clamp(max=_SNR_LIMIT) + 1) / (snr + 1)
    return (weight * mse_loss(predicted, target, reduction="none")).mean()
