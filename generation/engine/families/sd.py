"""Stable Diffusion 1.x: a CLIP text encoder, a unet with cross-attention, a VAE."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor
from torch.nn import Module
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from generation.engine.catalogue import Checkpoint
from generation.engine.families.packing import Rows
from generation.engine.noise import NoiseSchedule
from generation.engine.request import GenerationRequest
from generation.engine.run import Conditioning, Run

_VAE_CLASSES = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}

# What StableDiffusionPipeline corrects in the configurations of early checkpoints.
_SCHEDULER_CORRECTIONS = {"steps_offset": 1, "clip_sample": False}


class StableDiffusion:
    """A loaded checkpoint of the Stable Diffusion 1 layout."""

    def __init__(
        self,
        *,
        checkpoint_id: str,
        tokenizer: CLIPTokenizer,
        text_encoder: CLIPTextModel,
        unet: UNet2DConditionModel,
        vae: AutoencoderKL | AutoencoderTiny,
        scheduler_config: Mapping[str, Any],
    ) -> None:
        self.checkpoint_id = checkpoint_id
        self.tokenizer = tokenizer
        self.text_encoder = text_encoder
        self.unet = unet
        self.vae = vae
        self.scheduler_config = {**scheduler_config, **_SCHEDULER_CORRECTIONS}
        self.device: torch.device = unet.device
        self.dtype: torch.dtype = unet.dtype
        self.vae_scale_factor = 2 ** (len(vae.config["block_out_channels"]) - 1)
        self.latent_channels = int(unet.config["in_channels"])

    @classmethod
    def load(cls, checkpoint: Checkpoint, folder: Path, *, device: torch.device) -> Self:
        """Read the weights in the folder onto the device: half precision on CUDA, single elsewhere.

        They are read in single precision and converted here, because both libraries would otherwise
        change torch's default dtype for the whole process while another thread steps.
        """
        dtype = torch.float16 if device.type == "cuda" else torch.float32
        text_encoder = CLIPTextModel.from_pretrained(
            folder, subfolder="text_encoder", use_safetensors=True, dtype=torch.float32
        )
        unet = UNet2DConditionModel.from_pretrained(
            folder, subfolder="unet", use_safetensors=True, torch_dtype=torch.float32
        )
        vae_class = _VAE_CLASSES[_read_json(folder / "vae" / "config.json")["_class_name"]]
        vae = vae_class.from_pretrained(
            folder, subfolder="vae", use_safetensors=True, torch_dtype=torch.float32
        )
        for module in (text_encoder, unet, vae):
            # The libraries' own `to` warns of layers that want single precision, also of none.
            Module.to(module, device, dtype).eval()
        return cls(
            checkpoint_id=checkpoint.id,
            tokenizer=CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer"),
            text_encoder=text_encoder,
            unet=unet,
            vae=vae,
            scheduler_config=_read_json(folder / "scheduler" / "scheduler_config.json"),
        )

    @property
    def num_bytes(self) -> int:
        """Memory that the weights take on the device."""
        modules = (self.text_encoder, self.unet, self.vae)
        return sum(
            parameter.numel() * parameter.element_size()
            for module in modules
            for parameter in module.parameters()
        )

    def encode(self, requests: Sequence[GenerationRequest]) -> list[Conditioning]:
        """Run the text encoder once over all prompts that differ, padded to the model's length."""
        prompts = [request.prompt for request in requests]
        prompts += [request.negative_prompt for request in requests if request.passes == 2]
        unique = list(dict.fromkeys(prompts))
        tokens = self.tokenizer(
            unique,
            padding="max_length",
            max_length=self.tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        )
        hidden: Tensor = self.text_encoder(tokens.input_ids.to(self.device))[0]
        row = {
            prompt: {"encoder_hidden_states": hidden[i : i + 1]} for i, prompt in enumerate(unique)
        }
        return [
            Conditioning(
                positive=row[request.prompt],
                negative=row[request.negative_prompt] if request.passes == 2 else None,
            )
            for request in requests
        ]

    def prepare(self, request: GenerationRequest, conditioning: Conditioning) -> Run:
        """Return the run before its first step.

        Noise is drawn on the host, so that a seed means the same on any device.
        """
        schedule = NoiseSchedule(
            request.noise_scheduler,
            config=self.scheduler_config,
            steps=request.num_inference_steps,
        )
        generators = [torch.Generator().manual_seed(seed) for seed in request.seeds]
        shape = (
            1,
            self.latent_channels,
            request.height // self.vae_scale_factor,
            request.width // self.vae_scale_factor,
        )
        noise = torch.cat([torch.randn(shape, generator=generator) for generator in generators])
        return Run(
            request=request,
            conditioning=conditioning,
            schedule=schedule,
            latents=(noise * schedule.init_noise_sigma).to(self.device),
            generators=generators,
            batch_key=(self.checkpoint_id, shape, self.dtype),
        )

    def denoise(self, runs: Sequence[Run]) -> list[Tensor]:
        """Run the unet once over the rows of all runs; a guided prediction for each, in order."""
        rows = Rows(runs, device=self.device, dtype=self.dtype)
        output = self.unet(
            rows.latents(),
            rows.timesteps(),
            encoder_hidden_states=rows.conditioning("encoder_hidden_states"),
            return_dict=False,
        )[0]
        predictions = rows.guide(output)
        return [predictions[run] for run in runs]

    def encode_pictures(self, pixels: Tensor) -> Tensor:
        """Return the latents of pictures (n, 3, height, width) of 0 to 1: the mode, not a sample."""
        encoded = self.vae.encode((pixels * 2 - 1).to(self.device, self.dtype))
        latents: Tensor = (
            encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()
        )
        return latents.float() * self.vae.config["scaling_factor"]

    def decode(self, latents: Tensor) -> Tensor:
        """Return pictures (n, 3, height, width), 0 to 1 but not clamped, of finished latents."""
        scaled = (latents / self.vae.config["scaling_factor"]).to(self.dtype)
        decoded: Tensor = self.vae.decode(scaled, return_dict=False)[0]
        return decoded.float() / 2 + 0.5


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content
