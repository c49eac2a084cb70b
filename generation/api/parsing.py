"""Readers for JSON bodies and forms, which may send numbers as text. All raise ApiError."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from generation.api import errors
from generation.api.errors import ApiError
from generation.engine import strict_json
from generation.engine.storable_text import is_storable
from generation.images import uploads

MAX_FIELD = 50_000

Files: TypeAlias = "MultiValueDict[str, UploadedFile[Any]]"


def json_object(request: HttpRequest) -> dict[str, Any]:
    """The body; an empty body is an empty object."""
    content = request.read()
    if not content.strip():
        return {}
    try:
        body = strict_json.loads(content)
    except ValueError as error:
        raise ApiError(400, "malformed", _("The body is no valid JSON.")) from error
    if not isinstance(body, dict):
        raise ApiError(400, "malformed", _("The body is no JSON object."))
    return body


def form(request: HttpRequest) -> tuple[dict[str, Any], Files]:
    """The fields, with the last value of each, and the files."""
    fields = request.POST.dict()
    if not all(map(is_storable, (*fields, *fields.values()))):
        raise errors.malformed()
    return fields, request.FILES


def file_of(sent: Files, *names: str, is_required: bool = True) -> bytes:
    """The one file sent under any of the names; empty if it is optional and missing."""
    found = [file for name in names for file in sent.getlist(name)]
    require_one(found, names[0])
    file = found[0] if found else None
    if file is None:
        if is_required:
            raise errors.invalid(names[0], _("Add a picture for this."))
        return b""
    if (file.size or 0) > uploads.MAX_BYTES:
        raise errors.too_large()
    content: bytes = file.read()
    if not content and is_required:
        raise errors.invalid(names[0], _("This file is empty."))
    return content


def require_one(pictures: Sequence[Any], param: str) -> None:
    """Refuse several pictures where one is used: the others would be dropped. None is not refused."""
    if len(pictures) > 1:
        message = _("One picture is used here, and %(number)d were sent.")
        raise errors.invalid(param, message % {"number": len(pictures)})


def require_missing(fields: Mapping[str, Any], *names: str) -> None:
    """Refuse fields that would change the picture and have no counterpart here."""
    if name := next((each for each in names if fields.get(each) not in (None, "", {}, [])), ""):
        raise errors.invalid(name, _("This has no counterpart here. Leave it out."))


def text(fields: Mapping[str, Any], name: str, *, limit: int | None = MAX_FIELD) -> str:
    """A string of at most `limit` characters; None for base64, which only the body's size limits."""
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or (limit and len(value) > limit):
        raise errors.invalid(name, _("This is not a text, or too long a one."))
    return value


def integer(fields: Mapping[str, Any], name: str) -> int | None:
    """A whole number, sent as 3, 3.0 or text; None if missing."""
    value = number(fields, name)
    if value is not None and not value.is_integer():
        raise errors.invalid(name, _("This is not a whole number."))
    return None if value is None else int(value)


def seed(fields: Mapping[str, Any], *, is_zero_random: bool = False) -> int | None:
    """The seed; None for a random one, which -1 asks for, too."""
    value = integer(fields, "seed")
    return None if value == -1 or (is_zero_random and value == 0) else value


def count(fields: Mapping[str, Any], name: str, *, limit: int) -> int:
    """A whole number from 1 to the limit; 1 if missing."""
    value = integer(fields, name)
    if value is not None and not 1 <= value <= limit:
        raise errors.invalid(name, _("Choose a number from 1 to %(limit)d.") % {"limit": limit})
    return 1 if value is None else value


def number(fields: Mapping[str, Any], name: str) -> float | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    try:
        found = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        found = math.nan
    if isinstance(value, bool) or not math.isfinite(found):
        raise errors.invalid(name, _("This is not a number."))
    return found


def boolean(fields: Mapping[str, Any], name: str) -> bool:
    return fields.get(name) in (True, "true", "True", "1")  # no set: lists and objects have no hash
