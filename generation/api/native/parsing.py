"""Reads the native API's job requests and its Prefer header."""

import re
from uuid import UUID

from accounts.models import ApiKey
from generation.api import build_request, files
from generation.api.native.schemas import Wish
from generation.engine.enums import PICTURES
from generation.engine.request import GenerationRequest

MAX_WAIT_SECONDS = 60
_DIGEST = re.compile(r"[0-9a-f]{64}")
_WAIT = re.compile(r"\bwait=(\d{1,4})\b")


def wait_seconds(prefer: str) -> int | None:
    """The seconds of `Prefer: wait=30`, at most MAX_WAIT_SECONDS; None without it."""
    found = _WAIT.search(prefer)
    return min(int(found[1]), MAX_WAIT_SECONDS) if found else None


def generation_request(key: ApiKey, wish: Wish) -> GenerationRequest:
    """The request of a job or quote; stores its images. Raises ApiError or InvalidRequest."""
    values = wish.dict(exclude={"webhook_url"})
    values["seed"] = None if wish.seed == -1 else wish.seed
    build_request.require_mask_for(values, wish.mode)
    # Before images are stored: without a fitting checkpoint they would be kept for nothing.
    values["checkpoint"] = build_request.checkpoint_of(
        key, wish.checkpoint, mode=wish.mode, size=(wish.width, wish.height)
    ).id
    values |= {name: _digest_of(key, values[name], param=name) for name in PICTURES}
    return build_request.build_request(key, **values)


def _digest_of(key: ApiKey, named: str, *, param: str) -> str:
    """The digest of an image given as a digest, as an image's id or as base64."""
    if not named or _DIGEST.fullmatch(named):
        return named
    try:
        id = UUID(named) if len(named) == 36 else None
    except ValueError:
        id = None
    if id is not None:
        return files.own_picture(key, id).digest
    return files.receive(key, files.decoded(named, param=param), param=param).digest
