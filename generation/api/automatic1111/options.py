"""What programs ask AUTOMATIC1111's web UI when they start: options, lists of what there is, png-info."""

from collections.abc import Callable
from typing import Any

from django.core.files.base import ContentFile
from django.http import HttpRequest, JsonResponse

from accounts import keys
from accounts.models import ApiKey, Scope
from generation.api import auth, build_request, errors, files, parsing
from generation.api.automatic1111 import names as automatic1111_names
from generation.api.automatic1111.names import MODEL_OPTION, title_of, wire
from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.engine.enums import ENLARGEMENT
from generation.engine.request import infotext
from generation.images import read_settings

# Programs keep some settings; this is no place for anything else.
MOST_OPTIONS = 50
MAX_OPTION_LENGTH = 200


@wire.endpoint("GET", "POST", scope=Scope.READ)
def options(request: HttpRequest) -> JsonResponse:
    """What the program set for its key; the checkpoint is the one that matters."""
    key = auth.entry_of(request).key
    if request.method == "GET":
        return JsonResponse(_options(key))
    sent = parsing.json_object(request)
    if MODEL_OPTION in sent and not automatic1111_names.id_named(sent[MODEL_OPTION]):
        raise errors.invalid(MODEL_OPTION, "Model not found")
    kept = {name: value for name, value in sent.items() if _may_be_kept(name, value)}
    merged = {**key.options, **kept}
    if len(merged) > MOST_OPTIONS:
        raise errors.too_large()
    keys.keep_options(key, merged)
    return JsonResponse({})


@wire.endpoint("GET", scope=Scope.READ)
def sd_models(request: HttpRequest) -> JsonResponse:
    shown = [
        {
            "title": title_of(each),
            "model_name": each.id,
            "hash": automatic1111_names.hash_of(each.id),
            "sha256": None,
            "filename": each.id,
            "config": None,
        }
        for each in build_request.checkpoints_of(auth.entry_of(request).key)
    ]
    return JsonResponse(shown, safe=False)


@wire.endpoint("GET", scope=Scope.READ)
def upscalers(request: HttpRequest) -> JsonResponse:
    names = [each.name for each in automatic1111_names.upscalers_of(auth.entry_of(request).key)]
    shown = [
        {
            "name": name,
            "model_name": None,
            "model_path": None,
            "model_url": None,
            "scale": ENLARGEMENT,
        }
        for name in ("None", *names)
    ]
    return JsonResponse(shown, safe=False)


@wire.endpoint("GET", scope=Scope.READ)
def samplers(request: HttpRequest) -> JsonResponse:
    shown = [
        {"name": name, "aliases": [scheduler.value], "options": {}}
        for scheduler, name in infotext.SAMPLERS.items()
    ]
    return JsonResponse(shown, safe=False)


@wire.endpoint("GET", scope=Scope.READ)
def schedulers(request: HttpRequest) -> JsonResponse:
    shown = [
        {
            "name": name,
            "label": name.capitalize(),
            "aliases": None,
            "default_rho": -1,
            "need_inner_model": False,
        }
        for name in ("automatic", automatic1111_names.KARRAS)
    ]
    return JsonResponse(shown, safe=False)


@wire.endpoint("POST", scope=Scope.READ)
def png_info(request: HttpRequest) -> JsonResponse:
    """What a PNG says that it was made from; nothing is stored, and no pixel decoded."""
    text = parsing.text(parsing.json_object(request), "image", limit=None)
    content = ContentFile(files.decoded(text, param="image"))
    texts = read_settings.texts_in(content)
    info = texts.get("parameters", "")
    return JsonResponse({"info": info, "items": texts, "parameters": infotext.read(info)})


@wire.endpoint("POST", scope=Scope.READ)
def refresh(request: HttpRequest) -> JsonResponse:
    """There is nothing to do: the catalogue is always fresh."""
    return JsonResponse({})


def fixed(shown: Any) -> Callable[..., Any]:
    """A view that always shows the same: what there is none of here, or only one."""

    @wire.endpoint("GET", scope=Scope.READ)
    def view(request: HttpRequest) -> JsonResponse:
        return JsonResponse(shown, safe=False)

    return view


def _options(key: ApiKey) -> dict[str, Any]:
    kept = automatic1111_names.id_named(key.options.get(MODEL_OPTION, ""))
    allowed = build_request.checkpoints_of(key)
    chosen = CHECKPOINTS.get(kept) or next(iter(allowed), None)
    return {
        "samples_format": "png",
        "CLIP_stop_at_last_layers": 1,
        "sd_vae": "Automatic",
        **key.options,
        MODEL_OPTION: title_of(chosen) if chosen else "",
    }


def _may_be_kept(name: str, value: Any) -> bool:
    is_plain = isinstance(value, str | int | float | bool) or value is None
    return len(name) <= MAX_OPTION_LENGTH and is_plain and len(str(value)) <= MAX_OPTION_LENGTH
