"""The parts of a checkpoint in the layout of diffusers: a folder each, with configuration and weights."""

import json
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

from generation.engine.checkpoints.store.weights import weight_files


@dataclass(frozen=True, kw_only=True)
class Components:
    """A checkpoint's folder, and where its weights are to go.

    The libraries' own loading changes torch's default dtype for the whole process, also for the
    thread that steps meanwhile. So nothing here asks them for half precision: small parts are read
    in single precision and converted, the denoiser's weights are mapped from disk and converted one
    by one.
    """

    folder: Path
    device: torch.device
    dtype: torch.dtype
    load_optional: bool = True
    """Whether parts that the checkpoint can do without may be loaded, too."""
    denoiser_weights: Future[dict[str, Tensor]] | None = None
    """What another thread reads meanwhile; see `read_ahead`."""

    def has(self, name: str) -> bool:
        """Say whether the checkpoint has this part."""
        return (self.folder / name).is_dir()

    def config(self, path: str) -> dict[str, Any]:
        """Return a configuration by its path in the folder."""
        return _read_json(self.folder / path)

    def scheduler_config(self) -> dict[str, Any]:
        """Return what the checkpoint's noise schedule is made from."""
        return self.config("scheduler/scheduler_config.json")

    def diffusers_model(
        self, model_class: Any, name: str, *, dtype: torch.dtype | None = None
    ) -> Any:
        """Return a small part of diffusers, in another precision if one is given."""
        model = model_class.from_pretrained(
            self.folder, subfolder=name, use_safetensors=True, torch_dtype=torch.float32
        )
        return self._placed(model, dtype)

    def transformers_model(
        self, model_class: Any, name: str, *, dtype: torch.dtype | None = None
    ) -> Any:
        """Return a part of transformers, in another precision if one is given."""
        model = model_class.from_pretrained(
            self.folder, subfolder=name, use_safetensors=True, dtype=torch.float32
        )
        return self._placed(model, dtype)

    def processor(self, processor_class: Any, name: str) -> Any:
        """Return what prepares a network's input: a tokenizer, or the like for pictures."""
        return processor_class.from_pretrained(self.folder, subfolder=name)

    def denoiser(self, model_class: Any, name: str) -> Any:
        """Return the unet or transformer, never held in memory twice or in more than its precision.

        Raises RuntimeError if the weights are not those of its configuration.
        """
        with torch.device("meta"):
            model = model_class.from_config(self.config(f"{name}/config.json"))
        ahead = self.denoiser_weights
        model.load_state_dict(ahead.result() if ahead else self.weights(name), assign=True)
        return model.requires_grad_(False).eval()

    def weights(self, name: str) -> dict[str, Tensor]:
        """Return a part's weights on the device, each converted there."""
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
    """Have the denoiser's weights, most of a checkpoint, read while the other parts are.

    Only read: the libraries change how all models of the process are built, while they build one.
    """
    name = "transformer" if components.has("transformer") else "unet"
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="denoiser") as thread:
        yield replace(components, denoiser_weights=thread.submit(components.weights, name))


def num_bytes(*modules: Module | None) -> int:
    """Return the memory that the modules' weights and constants take."""
    return sum(
        tensor.numel() * tensor.element_size()
        for module in modules
        if module is not None
        for tensor in chain(module.parameters(), module.buffers())
    )


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content
