"""Components of a checkpoint in the diffusers layout: one folder each, with config and weights."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor
from torch.nn import Module

from generation.engine import strict_json
from generation.engine.checkpoints.store import scheduler_configs
from generation.engine.checkpoints.store.weights import weight_files


@dataclass(frozen=True, kw_only=True)
class Components:
    """A checkpoint's folder, with the device and precision to load its components in.

    The libraries' own loading changes torch's default dtype for the whole process, also for the
    thread that steps meanwhile. So nothing here asks them for half precision: small components are
    read in single precision and converted, the denoiser's weights are mapped from disk and converted
    one by one.
    """

    folder: Path
    device: torch.device
    dtype: torch.dtype
    load_optional: bool = True
    """Load optional components too, such as Stable Diffusion 3's T5."""
    denoiser_weights: Future[dict[str, Tensor]] | None = None
    """Weights that another thread reads meanwhile; see `read_ahead`."""

    def has(self, name: str) -> bool:
        """Say whether the checkpoint has this component."""
        return (self.folder / name).is_dir()

    def config(self, path: str) -> dict[str, Any]:
        """Return a JSON configuration by its path in the folder."""
        return _read_json(self.folder / path)

    def scheduler_config(self) -> dict[str, Any]:
        """Return what the checkpoint's noise schedule is made from."""
        return scheduler_configs.read(self.folder)

    def diffusers_model(
        self, model_class: Any, name: str, *, dtype: torch.dtype | None = None
    ) -> Any:
        """Return a small diffusers model, in `dtype` instead of the checkpoint's precision if given."""
        model = model_class.from_pretrained(
            self.folder, subfolder=name, use_safetensors=True, torch_dtype=torch.float32
        )
        return self._placed(model, dtype)

    def transformers_model(
        self, model_class: Any, name: str, *, dtype: torch.dtype | None = None
    ) -> Any:
        """Return a transformers model, in `dtype` instead of the checkpoint's precision if given."""
        model = model_class.from_pretrained(
            self.folder, subfolder=name, use_safetensors=True, dtype=torch.float32
        )
        return self._placed(model, dtype)

    def processor(self, processor_class: Any, name: str) -> Any:
        """Return a tokenizer or an image processor."""
        return processor_class.from_pretrained(self.folder, subfolder=name)

    def denoiser(self, model_class: Any, name: str) -> Any:
        """Return the unet or transformer, never held in memory twice or above its precision.

        Raises RuntimeError if the weights do not fit its configuration.
        """
        with torch.device("meta"):
            model = model_class.from_config(self.config(f"{name}/config.json"))
        ahead = self.denoiser_weights
        model.load_state_dict(ahead.result() if ahead else self.weights(name), assign=True)
        return model.requires_grad_(False).eval()

    def weights(self, name: str) -> dict[str, Tensor]:
        """Return a component's weights, moved to the device and converted there."""
        weights = {}
        for path in weight_files(self.folder / name):
            with safe_open(path, framework="pt") as file:
                for key in file.keys():  # noqa: SIM118  # it is no mapping
                    weights[key] = file.get_tensor(key).to(self.device).to(self.dtype)
        return weights

    def _placed(self, model: Any, dtype: torch.dtype | None) -> Any:
        # The library's own `to` warns of layers that want single precision, also of none.
        return Module.to(model, self.device, dtype or self.dtype).eval()


@contextmanager
def read_ahead(components: Components) -> Iterator[Components]:
    """Read the denoiser's weights, most of a checkpoint, in a thread while the others load.

    The thread only reads: building a model changes global state of the libraries.
    """
    name = "transformer" if components.has("transformer") else "unet"
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="denoiser") as thread:
        yield replace(components, denoiser_weights=thread.submit(components.weights, name))


def num_bytes(*modules: Module | None) -> int:
    """Return the memory of the modules' parameters and buffers; None counts as nothing."""
    return sum(
        tensor.numel() * tensor.element_size()
        for module in modules
        if module is not None
        for tensor in chain(module.parameters(), module.buffers())
    )


def _read_json(path: Path) -> dict[str, Any]:
    # Diffusers writes -Infinity into the configurations of its noise schedulers.
    return strict_json.read_object(path, is_finite=False)
