"""Endpoints that clients call on startup: options, lists of models and samplers, png-info."""

from collections.abc import Callable
from typing import Any

from django.core.files.base import ContentFile
from django.http import HttpRequest, JsonResponse

from accounts import keys
from accounts.models import ApiKey, Scope
from generation.api import auth, build_request, errors, files, parsing
from generation.api.automatic1111 import names, refused_fields
from generation.api.automatic1111.errors import api_format
from generation.api.automatic1111.names import MODEL_OPTION
from generation.engine.enums import ENLARGEMENT, Mode
from generation.engine.request import sampler_names
from generation.images import read_settings

# Clients store a few settings; these bound the size of the row.
MOST_OPTIONS = 50
MAX_OPTION_LENGTH = 200


@api_format.endpoint("GET", "POST", scope=Scope.READ)
def options(request: HttpRequest) -> JsonResponse:
    """Options stored for the key; only the checkpoint and clip skip have an effect.

    Those that would change pictures in the web UI are refused.
    """
    key = auth.call_of(request).key
    if request.method == "GET":
        return JsonResponse(_options(key))
    if not key.may(Scope.GENERATE):
        raise errors.forbidden_scope()
    sent = parsing.json_object(request)
    refused_fields.require_no_options(sent)
    usable = {each.id for each in build_request.checkpoints_of(key)}
    if MODEL_OPTION in sent and names.id_named(sent[MODEL_OPTION]) not in usable:
        raise errors.invalid(MODEL_OPTION, "Model not found")
    kept = {name: value for name, value in sent.items() if _may_be_kept(name, value)}
    merged = {**key.options, **kept}
    if len(merged) > MOST_OPTIONS:
        raise errors.too_large()
    keys.keep_options(key, merged)
    return JsonResponse({})


@api_format.endpoint("GET", scope=Scope.READ)
def sd_models(request: HttpRequest) -> JsonResponse:
    shown = [
        {
            "title": names.title_of(each),
            "model_name": each.id,
            "hash": names.hash_of(each.id),
            "sha256": None,
            "filename": each.id,
            "config": None,
        }
        for each in build_request.checkpoints_of(auth.call_of(request).key)
    ]
    return JsonResponse(shown, safe=False)


@api_format.endpoint("GET", scope=Scope.READ)
def upscalers(request: HttpRequest) -> JsonResponse:
    found = [each.name for each in names.upscalers_of(auth.call_of(request).key)]
    shown = [
        {
            "name": name,
            "model_name": None,
            "model_path": None,
            "model_url": None,
            "scale": ENLARGEMENT,
        }
        for name in ("None", *found)
    ]
    return JsonResponse(shown, safe=False)


@api_format.endpoint("GET", scope=Scope.READ)
def samplers(request: HttpRequest) -> JsonResponse:
    shown = [
        {
            "name": name,
            "aliases": [scheduler.value],
            "options": {"scheduler": sampler_names.automatic(scheduler).value},
        }
        for scheduler, name in sampler_names.SAMPLERS.items()
    ]
    return JsonResponse(shown, safe=False)


@api_format.endpoint("GET", scope=Scope.READ)
def schedulers(request: HttpRequest) -> JsonResponse:
    shown = [
        {
            "name": name,
            "label": label,
            "aliases": None,
            "default_rho": -1,
            "need_inner_model": False,
        }
        for name, label in (
            (sampler_names.AUTOMATIC.lower(), sampler_names.AUTOMATIC),
            *sampler_names.SCHEDULES.items(),
        )
    ]
    return JsonResponse(shown, safe=False)


@api_format.endpoint("POST", scope=Scope.READ)
def png_info(request: HttpRequest) -> JsonResponse:
    """The settings in an image's file, as any program wrote them; stores nothing and decodes no pixel."""
    text = parsing.text(parsing.json_object(request), "image", limit=None)
    content = ContentFile(files.decoded(text, param="image"))
    texts = read_settings.texts_in(content)
    info = texts.get("parameters", "")
    found = read_settings.found_in(texts)
    return JsonResponse({"info": info, "items": texts, "parameters": found.values if found else {}})


@api_format.endpoint("POST", scope=Scope.READ)
def refresh(request: HttpRequest) -> JsonResponse:
    """Do nothing: the catalog is always current."""
    return JsonResponse({})


def fixed(shown: Any) -> Callable[..., Any]:
    """A view with a constant body, for lists that are always the same here."""

    @api_format.endpoint("GET", scope=Scope.READ)
    def view(request: HttpRequest) -> JsonResponse:
        return JsonResponse(shown, safe=False)

    return view


def _options(key: ApiKey) -> dict[str, Any]:
    allowed = build_request.checkpoints_of(key)
    able = (each for each in allowed if Mode.TEXT_TO_IMAGE in each.modes)
    chosen = names.chosen_by(key) or next(able, None)
    # Earlier releases stored them, and clients send back what they get.
    refused = refused_fields.refused_options(key.options)
    return {
        "samples_format": "png",
        "CLIP_stop_at_last_layers": 1,
        "sd_vae": "Automatic",
        **{name: value for name, value in key.options.items() if name not in refused},
        MODEL_OPTION: names.title_of(chosen) if chosen else "",
    }


def _may_be_kept(name: str, value: Any) -> bool:
    is_plain = isinstance(value, str | int | float | bool) or value is None
    return len(name) <= MAX_OPTION_LENGTH and is_plain and len(str(value)) <= MAX_OPTION_LENGTH
