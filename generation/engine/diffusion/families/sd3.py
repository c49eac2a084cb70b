"""Stable Diffusion 3 and 3.5: a transformer (MMDiT) trained by flow matching, three text encoders.

The third encoder, T5, is by far the largest and may be missing: the model was trained with it
dropped out at random.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Self

import torch
from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
from torch import Tensor
from torch.nn.functional import pad
from transformers.models.clip.modeling_clip import CLIPTextModelWithProjection
from transformers.models.clip.tokenization_clip import CLIPTokenizer
from transformers.models.t5.modeling_t5 import T5EncoderModel
from transformers.models.t5.tokenization_t5 import T5Tokenizer

from generation.engine.checkpoints.catalogue import Checkpoint
from generation.engine.diffusion.conditioning import Prompting
from generation.engine.diffusion.families.clip_text import ClipTextEncoder, Prompt
from generation.engine.diffusion.families.components import Components, num_bytes
from generation.engine.diffusion.families.latent import Embedded, LatentPipeline, prompts_of
from generation.engine.diffusion.families.row_packing import Rows
from generation.engine.diffusion.families.vae import Vae
from generation.engine.diffusion.run import Run
from generation.engine.request import GenerationRequest, prompt_weights

# Tokens of the third encoder, also if it is missing.
_T5_TOKENS = 256
_HIDDEN = "encoder_hidden_states"


class StableDiffusion3(LatentPipeline):
    """A loaded checkpoint of the Stable Diffusion 3 layout."""

    def __init__(
        self,
        *,
        checkpoint_id: str,
        texts: Sequence[ClipTextEncoder],
        transformer: SD3Transformer2DModel,
        vae: Vae,
        scheduler_config: Mapping[str, Any],
        t5: tuple[Any, Any] | None = None,
    ) -> None:
        super().__init__(
            checkpoint_id=checkpoint_id,
            denoiser=transformer,
            vae=vae,
            scheduler_config=scheduler_config,
        )
        self.texts = list(texts)
        self.t5 = t5

    @classmethod
    def load(cls, checkpoint: Checkpoint, components: Components) -> Self:
        """Load the checkpoint's components; T5 only if `load_optional` is set."""
        t5 = None
        if components.has("text_encoder_3") and components.load_optional:
            t5 = (
                components.processor(T5Tokenizer, "tokenizer_3"),
                components.transformers_model(T5EncoderModel, "text_encoder_3"),
            )
        return cls(
            checkpoint_id=checkpoint.id,
            texts=[
                ClipTextEncoder(
                    components.processor(CLIPTokenizer, f"tokenizer{suffix}"),
                    components.transformers_model(
                        CLIPTextModelWithProjection, f"text_encoder{suffix}"
                    ),
                    penultimate=True,
                )
                for suffix in ("", "_2")
            ],
            transformer=components.denoiser(SD3Transformer2DModel, "transformer"),
            vae=Vae.load(components),
            scheduler_config=components.scheduler_config(),
            t5=t5,
        )

    @property
    def num_bytes(self) -> int:
        """Memory of the weights on the device, in bytes."""
        models = [text.model for text in self.texts]
        t5 = self.t5[1] if self.t5 else None
        return num_bytes(*models, t5, self.denoiser, self.vae.module)

    def denoise(self, runs: Sequence[Run]) -> list[Tensor]:
        """Run the transformer once over the rows of all runs; return one guided prediction a run."""
        rows = Rows(runs, device=self.device, dtype=self.dtype)
        hidden, _counts = rows.sequences("encoder_hidden_states")
        arguments = {
            "hidden_states": rows.latents(),
            "timestep": rows.timesteps(),
            "encoder_hidden_states": hidden,
            "pooled_projections": rows.conditioning("pooled_projections"),
        }
        return rows.guide(self._predict(arguments))

    def _embed(self, prompts: Sequence[Prompt]) -> Embedded:
        empty = dict.fromkeys(Prompt("", prompt.clip_skip) for prompt in prompts)
        needed = list(dict.fromkeys([*prompts, *empty]))
        encoded = [text.encode(needed) for text in self.texts]
        t5 = self._t5_hidden(list(dict.fromkeys(prompt.text for prompt in needed)))
        embedded = {}
        for prompt in needed:
            clip = torch.cat([one[prompt].hidden for one in encoded], dim=-1)
            widened = pad(clip, (0, t5[prompt.text].shape[-1] - clip.shape[-1]))
            embedded[prompt] = {
                "encoder_hidden_states": torch.cat([widened, t5[prompt.text]], dim=1),
                "pooled_projections": torch.cat([one[prompt].vector for one in encoded], dim=-1),
            }
        return embedded

    def _prompting(
        self, request: GenerationRequest, by_step: Sequence[tuple[str, str]], embedded: Embedded
    ) -> Prompting:
        """All rows of a run need as many tokens at every step: shorter prompts get pieces of nothing."""
        pairs = dict.fromkeys(by_step)
        own = {each for pair in pairs for each in prompts_of(request, pair)[: request.passes]}
        longest = max(embedded[prompt][_HIDDEN].shape[1] for prompt in own)
        even = {}
        for prompt in own:
            nothing = embedded[Prompt("", prompt.clip_skip)][_HIDDEN][:, :-_T5_TOKENS]
            hidden = _lengthened(embedded[prompt][_HIDDEN], nothing, longest)
            even[prompt] = {**embedded[prompt], _HIDDEN: hidden}
        return super()._prompting(request, by_step, even)

    def _t5_hidden(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """Return the third encoder's (1, _T5_TOKENS, width) by text; zeros if it is missing."""
        if self.t5 is None:
            width = int(self.denoiser.config["joint_attention_dim"])
            zeros = torch.zeros(1, _T5_TOKENS, width, dtype=self.dtype, device=self.device)
            return dict.fromkeys(texts, zeros)
        tokenizer, model = self.t5
        tokens = tokenizer(
            [prompt_weights.plain(text) for text in texts],
            padding="max_length",
            max_length=_T5_TOKENS,
            truncation=True,
            return_tensors="pt",
        )
        hidden = model(tokens.input_ids.to(self.device)).last_hidden_state
        return {text: hidden[index : index + 1] for index, text in enumerate(texts)}

    def _batch_key(self, run: Run) -> Hashable:
        """Add the number of tokens: text and image tokens attend jointly, so all rows need as many."""
        tokens = run.conditioning.positive["encoder_hidden_states"].shape[1]
        return (super()._batch_key(run), tokens)

    def _shift(self, request: GenerationRequest) -> float | None:
        """Return the timestep shift `mu` of this image size, or None for checkpoints without one.

        Linear in the number of patches, as in diffusers' `calculate_shift`.
        """
        config = self.scheduler_config
        if not config.get("use_dynamic_shifting"):
            return None
        least, most = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
        # The defaults of diffusers' noise scheduler, which come before those of its `calculate_shift`.
        low, high = config.get("base_shift", 0.5), config.get("max_shift", 1.15)
        side = self.vae_scale_factor * int(self.denoiser.config["patch_size"])
        patches = (request.height // side) * (request.width // side)
        return float(low + (high - low) * (patches - least) / (most - least))


def _lengthened(hidden: Tensor, nothing: Tensor, tokens: int) -> Tensor:
    """Return the hidden states with so many tokens: `nothing` is repeated before those of T5."""
    missing = (tokens - hidden.shape[1]) // nothing.shape[1]
    clip, t5 = hidden[:, :-_T5_TOKENS], hidden[:, -_T5_TOKENS:]
    return torch.cat([clip, *[nothing] * missing, t5], dim=1)
