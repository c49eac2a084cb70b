"""The pipeline class of each family."""

from collections.abc import Mapping
from importlib import import_module

from generation.engine.diffusion.families.pipeline import Pipeline
from generation.engine.enums import Family


def pipeline_class(family: Family) -> type[Pipeline]:
    """Return the class that runs checkpoints of this family; the first call loads its module."""
    module, name = _CLASSES[family]
    found: type[Pipeline] = getattr(import_module(f"{__name__}.{module}"), name)
    return found


_CLASSES: Mapping[Family, tuple[str, str]] = {
    Family.SD1: ("sd", "StableDiffusion"),
    Family.SD2: ("sd", "StableDiffusion"),
    Family.SDXL: ("sdxl", "StableDiffusionXL"),
    Family.SD3: ("sd3", "StableDiffusion3"),
}
