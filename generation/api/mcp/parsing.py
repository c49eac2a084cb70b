"""Reads MCP's messages, and turns tools' arguments into requests. All raise ApiError."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from pydantic import ValidationError

from accounts.models import ApiKey
from generation.api.errors import ApiError
from generation.api.mcp.schemas import QUOTED, EditSettings, Quote, Settings, UpscaleSettings
from generation.api.native import parsing
from generation.api.native.schemas import Wish
from generation.engine import strict_json
from generation.engine.enums import Mode
from generation.engine.request import GenerationRequest

# Names of arguments that say nothing about the picture.
_NOT_SETTINGS = {"idempotency_key", "wait_seconds"}


def message_in(request: HttpRequest) -> tuple[bytes, dict[str, Any]]:
    """The body, and the JSON object in it. The tools' schemas name unfit numbers and texts."""
    content = request.read()
    try:
        message = strict_json.loads(content, is_stored=False, is_finite=False)
    except ValueError as error:
        raise ApiError(400, "malformed", _("The body is no valid JSON.")) from error
    if not isinstance(message, dict):
        raise ApiError(400, "malformed", _("The body is no JSON object."))
    return content, message


def invalid_arguments(exception: ValidationError) -> ApiError:
    """The error that names each invalid argument, with pydantic's messages."""
    fields = {
        ".".join(map(str, each["loc"])) or "arguments": each["msg"] for each in exception.errors()
    }
    return ApiError(422, "invalid", "; ".join(map(": ".join, fields.items())), errors=fields)


def settings_of(arguments: Settings) -> dict[str, Any]:
    """The arguments that decide about the picture, and its price."""
    return arguments.model_dump(exclude=_NOT_SETTINGS)


def quoted(arguments: Quote) -> Settings:
    """The arguments for the tool that is quoted. Raises ValidationError for one that it lacks."""
    sent = arguments.model_dump(exclude={"tool"}, exclude_unset=True)
    return QUOTED[arguments.tool].model_validate(sent)


def generation_request(key: ApiKey, arguments: Settings) -> GenerationRequest:
    """The request of a job or quote; stores its images. Raises ApiError or InvalidRequest."""
    settings = {name: value for name, value in settings_of(arguments).items() if value is not None}
    return parsing.generation_request(key, Wish(**settings, mode=_mode_of(arguments)))


def _mode_of(arguments: Settings) -> Mode:
    if isinstance(arguments, UpscaleSettings):
        return Mode.UPSCALE
    if not isinstance(arguments, EditSettings):
        return Mode.TEXT_TO_IMAGE
    if arguments.mask:
        return Mode.INPAINT
    has_room = arguments.left or arguments.top or arguments.right or arguments.bottom
    return Mode.OUTPAINT if has_room else Mode.IMAGE_TO_IMAGE
