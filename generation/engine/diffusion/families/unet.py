"""Base class of the families with a unet; each adds its text encoders and its conditioning."""

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor

from generation.engine.diffusion.families.latent import LatentPipeline
from generation.engine.diffusion.families.row_packing import Rows
from generation.engine.diffusion.run import Run


class UNetPipeline(LatentPipeline):
    """A loaded checkpoint with a unet."""

    conditioning_names: ClassVar[Sequence[str]] = ()
    """Arguments of `_forward` besides latents, timestep and text, one row each."""

    def denoise(self, runs: Sequence[Run]) -> list[Tensor]:
        """Run the unet once over the rows of all runs; return one guided prediction a run, in order."""
        rows = Rows(runs, device=self.device, dtype=self.dtype)
        hidden, counts = rows.sequences("encoder_hidden_states")
        arguments = {
            "sample": rows.latents(),
            "timestep": rows.timesteps(),
            "encoder_hidden_states": hidden,
            "encoder_attention_mask": counts,
            "timestep_cond": rows.guidance_embeddings(
                width=self.denoiser.config.get("time_cond_proj_dim")
            ),
            **{name: rows.conditioning(name) for name in self.conditioning_names},
        }
        return rows.guide(self._predict(arguments))
