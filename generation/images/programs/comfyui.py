"""ComfyUI: a graph of nodes as `prompt`, followed from the sampler to its inputs.

Nodes are known by their inputs, not by their names: extensions have samplers, loaders and texts of their own.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from generation.images.parts.bounds import MAX_TEXT
from generation.images.programs.found_settings import FoundSettings
from generation.images.programs.graph import Graph, Node
from generation.images.programs.json_text import inner, mapping

_LATENT = ("latent_image", "latent", "samples", "optional_latent", "latents")
_PICTURE = ("pixels", "image", "images")
_SIDES = (("width", "empty_latent_width"), ("height", "empty_latent_height"))
_SEED = ("seed", "noise_seed")
_CFG = ("cfg", "cfg_scale", "guidance_scale")
_CHECKPOINT = ("ckpt_name", "unet_name", "model_name", "checkpoint", "ckpt", "base_ckpt_name")
_TEXT = (
    "text", "text_g", "prompt", "positive_prompt", "populated_text", "string", "value", "text_l",
    "clip_l", "t5xxl", "text_0", "String", "Text", "string_field",
)  # fmt: skip
_JOINED = (("string_a", "string_b"), ("text_a", "text_b", "text_c", "text_d"), ("text1", "text2"))
_MAX_ASKED = 50
_SIZE = re.compile(r"(\d{2,5})\s*[x×]\s*(\d{2,5})")
# Nodes that say by their name what others have as an input.
_SCHEDULES = {
    "KarrasScheduler": "karras",
    "ExponentialScheduler": "exponential",
    "PolyexponentialScheduler": "polyexponential",
    "BetaSamplingScheduler": "beta",
    "SDTurboScheduler": "sd_turbo",
    "AlignYourStepsScheduler": "ays",
}
_SAMPLERS = {
    "SamplerEulerAncestral": "euler_ancestral",
    "SamplerDPMPP_2M_SDE": "dpmpp_2m_sde",
    "SamplerDPMPP_SDE": "dpmpp_sde",
    "SamplerDPMPP_3M_SDE": "dpmpp_3m_sde",
    "SamplerLMS": "lms",
}


def settings_in(texts: Mapping[str, str]) -> FoundSettings | None:
    """Return what ComfyUI's graph says as far as it does; None for other texts, or without a sampler."""
    graph = Graph(mapping(texts.get("prompt")))
    sampler = _first_sampler(graph)
    if sampler is None:
        return None
    found = FoundSettings()
    found.add_prompts(_prompt(graph, sampler, "positive"), _prompt(graph, sampler, "negative"))
    found.add_numbers(
        num_inference_steps=graph.value(sampler, ("steps",), through=("sigmas",)),
        guidance_scale=graph.value(sampler, _CFG, through=("guider",)),
        seed=graph.value(sampler, _SEED, through=("noise",)),
    )
    _add_strength(found, graph.value(sampler, ("denoise",), through=("sigmas",)))
    found.add_sampler(
        graph.value(sampler, ("sampler_name",), through=("sampler",))
        or _named(graph, sampler, "sampler", _SAMPLERS),
        graph.value(sampler, ("scheduler",), through=("sigmas",))
        or _named(graph, sampler, "sigmas", _SCHEDULES),
    )
    _add_model(found, graph, sampler)
    _add_size(found, graph, sampler)
    return found


def _first_sampler(graph: Graph) -> Node | None:
    """Return the sampler that begins the picture: those behind it refine or enlarge what it made."""
    last = next(filter(_is_sampler, graph.upstream_of_outputs()), None)
    if last is None:
        return None
    *_later, first = filter(_is_sampler, graph.upstream(last, (*_LATENT, *_PICTURE)))
    return first


def _is_sampler(node: Node) -> bool:
    has_method = "sampler_name" in node.inputs or "sampler" in node.inputs
    has_steps = "steps" in node.inputs or "sigmas" in node.inputs
    return has_method and has_steps and any(name in node.inputs for name in _LATENT)


def _prompt(graph: Graph, sampler: Node, role: str) -> str:
    """Return the text of one role: "positive" or "negative"."""
    start = graph.linked(sampler, role)
    guider = graph.linked(sampler, "guider")
    if start is None and guider is not None:
        # A guider without guidance has one text.
        names = (role, "conditioning") if role == "positive" else (role,)
        start = next(filter(None, (graph.linked(guider, name) for name in names)), None)
    if start is None:
        direct = sampler.inputs.get(role)
        return direct if isinstance(direct, str) else ""
    known: dict[str, str | None] = {}
    for node in graph.upstream(start, (role,), others=True):
        if "ZeroOut" in node.kind:
            return ""
        text = _text(graph, node, role, known)
        if text is not None:
            return text
    return ""


def _text(graph: Graph, node: Node, role: str, known: dict[str, str | None]) -> str | None:
    """Return the text in a node, or in nodes that it has it from, some of which join several.

    `known` has what nodes gave before: each is asked once, however they are linked, and not endlessly many are.
    """
    if node.id not in known and len(known) < _MAX_ASKED:
        known[node.id] = None
        known[node.id] = _joined(graph, node, role, known) or _first_text(graph, node, role, known)
    return known.get(node.id)


def _joined(graph: Graph, node: Node, role: str, known: dict[str, str | None]) -> str | None:
    for names in _JOINED:
        if names[0] in node.inputs:
            delimiter = node.inputs.get("delimiter")
            between = delimiter if isinstance(delimiter, str) else ", "
            parts = (_input(graph, node, name, role, known) for name in names)
            return between.join(filter(None, parts))[:MAX_TEXT]
    return None


def _first_text(graph: Graph, node: Node, role: str, known: dict[str, str | None]) -> str | None:
    own = (role, f"text_{role}") if isinstance(node.inputs.get(role), str) else ()
    found = (_input(graph, node, name, role, known) for name in (*own, *_TEXT))
    return next((text for text in found if text is not None), None)


def _input(
    graph: Graph, node: Node, name: str, role: str, known: dict[str, str | None]
) -> str | None:
    linked = graph.linked(node, name)
    text = _text(graph, linked, role, known) if linked else None
    if text is None:
        held = graph.value(node, (name,), as_text=_TEXT)
        text = held if isinstance(held, str) else None
    return text


def _add_strength(found: FoundSettings, denoise: Any) -> None:
    """Add a denoising strength below 1, which is the whole."""
    if denoise != 1:
        found.add_number("strength", denoise)


def _named(graph: Graph, node: Node, link: str, names: Mapping[str, str]) -> str:
    linked = graph.linked(node, link)
    return names.get(linked.kind, "") if linked else ""


def _add_model(found: FoundSettings, graph: Graph, sampler: Node) -> None:
    """Add the checkpoint, and every LoRA on the way to it."""
    loras: list[Any] = []
    start = sampler if "model" in sampler.inputs else graph.linked(sampler, "guider") or sampler
    links = ("model", "base_model", "model1", "pipe", "lora_stack", "optional_lora_stack")
    for node in graph.upstream(start, links, others=True, is_deep=True):
        loras += _loras(node)
        name = graph.value(node, _CHECKPOINT)
        if isinstance(name, str):
            found.add_checkpoint(name)
            break
    found.add_loras(loras)


def _loras(node: Node) -> Iterator[Any]:
    """Yield the LoRAs of a node that are not switched off."""
    if node.inputs.get("strength_model", node.inputs.get("strength", 1)) == 0:
        return
    for name, value in node.inputs.items():
        if re.fullmatch(r"lora_name(_\d+)?", name) and value != "None":
            yield value
        elif name.startswith("lora_") and inner(value).get("on"):
            yield inner(value).get("lora")


def _add_size(found: FoundSettings, graph: Graph, sampler: Node) -> None:
    """Add the size of the empty latent; a picture that was encoded has its own."""
    for node in graph.upstream(sampler, _LATENT):
        if "pixels" in node.inputs:
            return
        width, height = (graph.value(node, names) for names in _SIDES)
        if node != sampler and width is not None and height is not None:
            found.add_size(width, height)
            return
        named = _SIZE.search(str(node.inputs.get("resolution", node.inputs.get("dimensions", ""))))
        if named:
            found.add_size(named[1], named[2])
            return
