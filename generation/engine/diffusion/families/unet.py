"""What all families with a unet do alike; each adds its text encoders and its conditioning."""

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor

from generation.engine.diffusion.families.latent import LatentPipeline
from generation.engine.diffusion.families.row_packing import Rows, in_chunks, without_none
from generation.engine.diffusion.run import Run

# More rows than this at once, which only a run's tiles can be, go through the unet in turn.
MAX_ROWS = 16


class UNetPipeline(LatentPipeline):
    """A loaded checkpoint with a unet."""

    conditioning_names: ClassVar[Sequence[str]] = ()
    """What a row has beside latents, timestep and text, by the names that `_forward` is given."""

    def denoise(self, runs: Sequence[Run]) -> list[Tensor]:
        """Run the unet once over the rows of all runs; a guided prediction for each, in order."""
        rows = Rows(runs, device=self.device, dtype=self.dtype)
        hidden, counts = rows.sequences("encoder_hidden_states")
        arguments = {
            "sample": rows.latents(),
            "timestep": rows.timesteps(),
            "encoder_hidden_states": hidden,
            "encoder_attention_mask": counts,
            **{name: rows.conditioning(name) for name in self.conditioning_names},
        }
        return rows.guide(in_chunks(self.forward, without_none(arguments), rows=MAX_ROWS))
