"""Variational autoencoder: pixels to latents and back, with the checkpoint's scale and shift."""

from collections.abc import Callable
from typing import Any

import torch
from diffusers.image_processor import VaeImageProcessor
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from PIL.Image import Image
from torch import Tensor

from generation.engine.diffusion.families.components import Components
from generation.engine.request.crop_region import Box

_CLASSES = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}


class Vae:
    """A VAE whose latents are the denoiser's, float32 whatever it computes in.

    `scale_factor` is pixels per latent cell along one side, `channels` the latents' channels.
    """

    def __init__(self, module: Any) -> None:
        self.module = module
        config = module.config
        self.scale_factor = 2 ** (len(config["block_out_channels"]) - 1)
        self.channels = int(config["latent_channels"])
        self._scale = float(config["scaling_factor"])
        self._shift = float(config.get("shift_factor") or 0.0)
        self._pictures = VaeImageProcessor(vae_scale_factor=self.scale_factor)
        self._masks = VaeImageProcessor(
            vae_scale_factor=self.scale_factor,
            do_normalize=False,
            do_binarize=True,
            do_convert_grayscale=True,
        )

    @classmethod
    def load(cls, components: Components) -> "Vae":
        """Load it from a checkpoint's components.

        A VAE whose configuration says that half precision overflows stays in single precision.
        """
        config = components.config("vae/config.json")
        overflows = config.get("force_upcast") and components.dtype is torch.float16
        dtype = torch.float32 if overflows else None
        return cls(components.diffusers_model(_CLASSES[config["_class_name"]], "vae", dtype=dtype))

    def fitted(self, picture: Image, *, width: int, height: int, box: Box | None) -> Image:
        """Return an image, or the part in the box, at this size; a part keeps its aspect ratio."""
        if box is None:
            resized: Image = self._pictures.resize(picture, height, width)
        else:
            resized = self._pictures.resize(picture.crop(box), height, width, resize_mode="fill")
        return resized

    def pixels(self, picture: Image, *, width: int, height: int) -> Tensor:
        """Return an image as (1, 3, height, width), -1 to 1, on the host."""
        tensor: Tensor = self._pictures.preprocess(picture.convert("RGB"), height, width)
        return tensor

    def mask(self, picture: Image, *, width: int, height: int) -> Tensor:
        """Return a mask as (1, 1, height, width) of 0 and 1 on the host; 1 is repainted."""
        tensor: Tensor = self._masks.preprocess(picture, height, width)
        return tensor

    def encode(self, pixels: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return the latents of pixels (n, 3, height, width), -1 to 1.

        They are sampled with the generator, or the mode without one. A deterministic VAE does not use the
        generator.
        """
        encoded = self.module.encode(pixels.to(self.module.device, self.module.dtype))
        if hasattr(encoded, "latents"):
            latents = encoded.latents
        elif generator is None:
            latents = encoded.latent_dist.mode()
        else:
            latents = encoded.latent_dist.sample(generator)
        scaled: Tensor = (latents.float() - self._shift) * self._scale
        return scaled

    @property
    def samples(self) -> bool:
        """True if `encode` draws from the generator."""
        return isinstance(self.module, AutoencoderKL)

    def decode(self, latents: Tensor, *, release_memory: Callable[[], None]) -> Tensor:
        """Return pixels (n, 3, height, width), about 0 to 1 and not clamped, of finished latents.

        If they don't fit into the memory, `release_memory` is called and each image is decoded in tiles.
        """
        try:
            return self._decode(latents)
        except torch.OutOfMemoryError:
            pass
        release_memory()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self.module.enable_tiling()
        try:
            return torch.cat([self._decode(one) for one in torch.split(latents, 1)])
        finally:
            self.module.disable_tiling()

    def _decode(self, latents: Tensor) -> Tensor:
        scaled = (latents / self._scale + self._shift).to(self.module.dtype)
        decoded: Tensor = self.module.decode(scaled, return_dict=False)[0]
        return decoded.float() / 2 + 0.5
