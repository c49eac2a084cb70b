"""Initial latents of each mode, with noise drawn in diffusers' order.

Each function makes one image's latents with that image's own generator, so that image k of a request
equals the image of its seed alone. Noise is drawn on the host: a seed gives the same noise on any device.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from PIL.Image import Image
from torch import Tensor
from torch.nn.functional import interpolate

from generation.engine.diffusion import noise_mixing
from generation.engine.diffusion.families.vae import Vae
from generation.engine.diffusion.noise_schedule import NoiseSchedule
from generation.engine.enums import MaskFill, Mode
from generation.engine.request import GenerationRequest, canvas

InputImages = Mapping[str, Image]


@dataclass(frozen=True, kw_only=True)
class LatentsContext:
    """Inputs of `prepare`. `model_channels` counts the denoiser's input channels."""

    request: GenerationRequest
    inputs: InputImages
    schedule: NoiseSchedule
    vae: Vae
    model_channels: int
    subseed: int = 0

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The shape of one image's latents: (1, channels, height, width) in cells."""
        factor = self.vae.scale_factor
        return (1, self.vae.channels, self.request.height // factor, self.request.width // factor)

    def noise(self, generator: torch.Generator) -> Tensor:
        """Draw noise of `shape` on the host; return it on the VAE's device.

        A request with a subseed gets noise between that of its seed and that of its subseed.
        """
        noise = torch.randn(self.shape, generator=generator)
        if self.request.subseed_strength:
            other = torch.randn(self.shape, generator=torch.Generator().manual_seed(self.subseed))
            noise = noise_mixing.between(noise, other, share=self.request.subseed_strength)
        return noise.to(self.vae.module.device)

    def pixels(self, name: str) -> Tensor:
        """Return an input image at the request's size, (1, 3, height, width), -1 to 1."""
        return self.vae.pixels(
            canvas.opaque(self.inputs[name]), width=self.request.width, height=self.request.height
        )


@dataclass(frozen=True, kw_only=True)
class InitialLatents:
    """One image before its first step. See `Run` for `channels`, `PreservedRegion` for the rest."""

    latents: Tensor
    channels: Tensor | None = None
    original: Tensor | None = None
    noise: Tensor | None = None
    mask: Tensor | None = None


def prepare(context: LatentsContext, generator: torch.Generator) -> InitialLatents:
    """Return the initial latents of the image of this generator, by the request's mode."""
    return _BY_MODE[context.request.mode](context, generator)


def _text_to_image(context: LatentsContext, generator: torch.Generator) -> InitialLatents:
    return InitialLatents(latents=context.noise(generator) * context.schedule.init_noise_sigma)


def _image_to_image(context: LatentsContext, generator: torch.Generator) -> InitialLatents:
    original = context.vae.encode(context.pixels("image"), generator)
    noise = context.noise(generator)
    return InitialLatents(latents=context.schedule.add_noise(original, noise, step=0))


def _inpaint(context: LatentsContext, generator: torch.Generator) -> InitialLatents:
    """Repaint where the mask is white.

    An inpainting model sees the mask and the masked image beside its latents. With any other model the
    original is restored around the mask after every step.
    """
    own = canvas.prepared(context.request, context.inputs)
    size = {"width": context.request.width, "height": context.request.height}
    picture, mask_picture = (
        context.vae.fitted(each, **size, box=own.box) for each in (own.picture, own.mask)
    )
    if context.request.mask_fill is MaskFill.FILL:
        picture = canvas.filled(picture, mask_picture)
    pixels = context.vae.pixels(picture, **size)
    mask = context.vae.mask(mask_picture, **size)
    small_mask = interpolate(mask, size=context.shape[-2:]).to(context.vae.module.device)
    blends = context.model_channels == context.vae.channels
    is_fresh = context.request.strength == 1.0
    original = context.vae.encode(pixels, generator) if blends or not is_fresh else None
    if original is not None:
        original = _refilled(original, small_mask, context.request.mask_fill, generator)
    noise = context.noise(generator)
    if is_fresh:
        latents = noise * context.schedule.init_noise_sigma
    else:
        assert original is not None
        latents = context.schedule.add_noise(original, noise, step=0)
    if blends:
        if context.vae.samples:
            # Diffusers' pipelines also sample the masked image here, which advances the generator.
            torch.randn(context.shape, generator=generator)
        return InitialLatents(latents=latents, original=original, noise=noise, mask=small_mask)
    masked = context.vae.encode(pixels * (mask < 0.5), generator)
    return InitialLatents(latents=latents, channels=torch.cat([small_mask, masked], dim=1))


def _refilled(original: Tensor, mask: Tensor, fill: MaskFill, generator: torch.Generator) -> Tensor:
    """Replace the original's latents under the mask: by noise of the image's seed, or by zeros."""
    if fill is MaskFill.LATENT_NOTHING:
        return original * (1 - mask)
    if fill is MaskFill.LATENT_NOISE:
        fresh = torch.Generator().manual_seed(generator.initial_seed())
        noise = torch.randn(original.shape, generator=fresh).to(original.device)
        return original * (1 - mask) + noise * mask
    return original


_BY_MODE: Mapping[Mode, Callable[[LatentsContext, torch.Generator], InitialLatents]] = {
    Mode.TEXT_TO_IMAGE: _text_to_image,
    Mode.IMAGE_TO_IMAGE: _image_to_image,
    Mode.DEPTH_TO_IMAGE: _image_to_image,
    Mode.INPAINT: _inpaint,
    Mode.OUTPAINT: _inpaint,
}
