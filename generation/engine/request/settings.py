"""The settings of a request, and the amount of work that follows from them."""

from dataclasses import dataclass

from generation.engine.checkpoints import catalogue
from generation.engine.enums import (
    ENLARGEMENT,
    Family,
    MaskFill,
    Mode,
    NoiseScheduler,
    SigmaSchedule,
)
from generation.engine.request import prompt_length, prompt_schedule
from generation.engine.request.limits import MAX_SEED
from generation.engine.request.tiles import tiles_of


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The fields of a request for `num_images` images, unchecked.

    A guidance scale of 1 or less switches guidance off: the negative prompt is then unused and a
    step costs one pass. `image`, `mask` and `depth` are the SHA-256 of the input images' files; the
    images themselves travel beside the request. `strength` is the share of the denoising that an
    input image goes through, 1 replaces it entirely. `padding` is the border that outpainting adds,
    in pixels (left, top, right, bottom); width and height include it. `noise_level` is the timestep
    up to which the upscaler noises its input. `refiner_share` is the last part of the noise, which
    the checkpoint's refiner removes. An `exact` request shares no forward pass with others, because
    the size of a batch changes the last bits of its results.

    `clip_skip` is the text encoder's layer that prompts are read from, counted from the last; a model's own if
    that comes earlier. `eta` is the share of fresh noise in DDIM and Euler ancestral, None for the scheduler's
    own. With a `subseed_strength` all images have one seed, and noise between its own and that of a subseed:
    consecutive ones from `subseed`. `mask_blur` is in pixels of the mask. `only_masked` paints the part around the mask at the
    request's size, with `mask_padding` pixels of the original around it, and puts it back into the original.

    With an `origin` the run goes on from a kept state, of which this is the SHA-256, after `origin_step` forward
    passes; the state itself travels beside the request. A run with `draft_steps` is set aside as a draft after so
    many forward passes. Steps are counted from the first one of the whole schedule.
    """

    prompt: str
    negative_prompt: str = ""
    checkpoint: str
    mode: Mode = Mode.TEXT_TO_IMAGE
    width: int
    height: int
    num_inference_steps: int
    guidance_scale: float
    noise_scheduler: NoiseScheduler
    sigma_schedule: SigmaSchedule = SigmaSchedule.UNIFORM
    seed: int
    num_images: int = 1
    image: str = ""
    mask: str = ""
    depth: str = ""
    strength: float = 1.0
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    noise_level: int = 20
    refiner_share: float = 0.0
    exact: bool = False
    clip_skip: int = 1
    eta: float | None = None
    subseed: int = 0
    subseed_strength: float = 0.0
    mask_blur: int = 0
    mask_fill: MaskFill = MaskFill.ORIGINAL
    only_masked: bool = False
    mask_padding: int = 32
    origin: str = ""
    origin_step: int = 0
    draft_steps: int = 0

    @property
    def pixels(self) -> int:
        """Pixels of one image."""
        return self.width * self.height

    @property
    def megapixels(self) -> float:
        return self.pixels / 1_000_000

    @property
    def passes(self) -> int:
        """Forward passes per image and evaluation: two with guidance, one without.

        A denoiser that was distilled with its guidance reads the scale, and needs one.
        """
        if self.guidance_scale <= 1:
            return 1
        checkpoint = catalogue.CHECKPOINTS.get(self.checkpoint)
        return 1 if checkpoint is not None and checkpoint.embeds_guidance else 2

    @property
    def prompt_pieces(self) -> int:
        """Estimated pieces of the longer prompt: the other one is padded to it."""
        texts = [self.prompt, self.negative_prompt] if self.passes == 2 else [self.prompt]
        return max(map(prompt_length.pieces_in, texts))

    @property
    def tiles(self) -> int:
        """Tiles per image: the upscaler cuts large ones; 1 otherwise."""
        if self.mode is not Mode.UPSCALE:
            return 1
        return tiles_of(self.width // ENLARGEMENT, self.height // ENLARGEMENT)

    @property
    def rows(self) -> int:
        """Rows that one step adds to the batch of a forward pass."""
        return self.num_images * self.passes * self.tiles

    @property
    def work(self) -> int:
        """Relative cost of one step among requests of a checkpoint: images x passes x pixels."""
        return self.num_images * self.passes * self.pixels

    @property
    def first_step(self) -> int:
        """Number of steps skipped at the start, because `strength` keeps a part of the input image.

        Rounded as diffusers' pipelines do, which differ between families.
        """
        steps = self.num_inference_steps
        if not self.mode.has_picture:
            return 0
        checkpoint = catalogue.CHECKPOINTS.get(self.checkpoint)
        if checkpoint is not None and checkpoint.family is Family.SD3:
            return int(max(steps - steps * self.strength, 0))
        return steps - int(steps * self.strength)

    @property
    def evaluations_in_full(self) -> int:
        """Evaluations of the denoiser in the whole schedule.

        Some noise schedulers take two a step except the last, PNDM one more at first.
        """
        steps = self.num_inference_steps
        if self.noise_scheduler.evaluates_twice:
            return 2 * (steps - self.first_step) - 1
        if self.noise_scheduler is NoiseScheduler.PNDM and steps > 1:
            return steps + 1 - self.first_step
        return steps - self.first_step

    @property
    def evaluations(self) -> int:
        """The number of the request's last evaluation."""
        return self.draft_steps or self.evaluations_in_full

    @property
    def own_evaluations(self) -> int:
        """Evaluations that the request makes itself, after those of its origin."""
        return self.evaluations - self.origin_step

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each image; with `subseeds`, a request for one image gives the same image."""
        if self.subseed_strength:
            return (self.seed,) * self.num_images
        return tuple((self.seed + index) % (MAX_SEED + 1) for index in range(self.num_images))

    @property
    def subseeds(self) -> tuple[int, ...]:
        """The subseed of each image; all the same without a `subseed_strength`, where it has no effect."""
        if not self.subseed_strength:
            return (self.subseed,) * self.num_images
        return tuple((self.subseed + index) % (MAX_SEED + 1) for index in range(self.num_images))

    @property
    def texts_by_step(self) -> tuple[tuple[str, str], ...]:
        """Prompt and negative prompt of each step."""
        prompts, negatives = (
            prompt_schedule.by_step(text, steps=self.num_inference_steps)
            for text in (self.prompt, self.negative_prompt)
        )
        return tuple(zip(prompts, negatives, strict=True))

    @property
    def texts(self) -> list[str]:
        """The texts that the text encoders read: the versions of both prompts."""
        read = (self.prompt, self.negative_prompt)[: self.passes]
        return [
            version
            for text in read
            for version in prompt_schedule.versions(text, steps=self.num_inference_steps)
        ]

    @property
    def text_pieces(self) -> int:
        """Estimated pieces of all these texts, at least one for each."""
        return sum(map(prompt_length.pieces_in, self.texts))
