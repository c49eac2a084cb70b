"""Content moderation: prompt policy and image safety checker.

Refused prompts and blocked pictures are recorded for the operator. Neither costs the user anything.
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _
from PIL.Image import Image

from generation.engine.checkpoints.store import identity, status
from generation.engine.checkpoints.store.downloads import SAFETY_CHECKER
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.messages import gettext_noop
from generation.engine.request import GenerationRequest
from generation.models import Job, Refusal, Stage
from generation.moderation import policy
from generation.moderation.policy import CATEGORIES, Category

if TYPE_CHECKING:
    from accounts.models import User
    from generation.engine.diffusion.safety_checker import SafetyChecker

log = logging.getLogger(__name__)

# The message of a job whose pictures were blocked.
HELD_BACK = gettext_noop(
    "The safety check held this picture back. Try again with other words, or another seed."
)
REFUSE = "refuse"


class PromptRejected(Exception):
    """The policy does not allow the prompt. Nothing was held. `field` is the field of the request."""

    def __init__(self, category: Category, *, field: str) -> None:
        super().__init__(_(CATEGORIES[category]))
        self.category = category
        self.field = field


class NotServing(Exception):
    """The safety checker is missing, and the site makes no pictures without it. Nothing was held."""

    def __init__(self) -> None:
        super().__init__(
            _("No pictures are made at the moment: the safety check of this site is not ready.")
        )


@dataclass(frozen=True)
class Verdict:
    """The result of checking a job's pictures, with the duration in milliseconds."""

    is_blocked: bool
    ms: int


def require_allowed(user: "User", request: GenerationRequest) -> None:
    """Check the prompt against the policy; records a refusal. Raises PromptRejected or NotServing."""
    if settings.WITHOUT_SAFETY_CHECKER == REFUSE and checker_fault():
        raise NotServing
    category = policy.violation(
        request.prompt,
        categories={Category.MINORS, *map(Category, settings.PROMPT_POLICY)},
        folder=settings.PROMPT_POLICY_DIR,
        versions={prompt for prompt, _negative in request.texts_by_step},
    )
    if category is None:
        return
    kept = request.prompt if settings.KEEP_REFUSED_PROMPTS else ""
    Refusal.objects.create(user=user, stage=Stage.PROMPT, category=category, prompt=kept)
    raise PromptRejected(category, field="prompt")


def check(images: Sequence[Image]) -> Verdict | None:
    """Check finished pictures; None if the checker is missing and the site works without it.

    The first call loads the checker. Raises NotServing if the site requires the checker.
    """
    began = time.monotonic()
    try:
        checker = _checker()
    except Unusable as error:
        _complain(str(error))
        if settings.WITHOUT_SAFETY_CHECKER == REFUSE:
            raise NotServing from error
        return None
    is_blocked = any(checker.flagged(images))
    return Verdict(is_blocked, ms=round((time.monotonic() - began) * 1_000))


@cache
def _complain(fault: str) -> None:
    # Cached: logged once a process, not with every picture.
    log.error("pictures are not checked: %s", fault)


def note_held_back(job: Job) -> None:
    """Record for the operator that a job's pictures were blocked."""
    kept = job.generation_request.prompt if settings.KEEP_REFUSED_PROMPTS else ""
    Refusal.objects.create(
        user_id=job.user_id, job=job, stage=Stage.PICTURE, category=Category.SEXUAL, prompt=kept
    )


def checker_fault() -> str:
    """The reason why pictures are not checked; empty if they are. Reads no weights."""
    folder = _folder()
    if not folder.is_dir():
        return str(_("The safety checker is not installed."))
    return status.problem_in(folder, None)


def _folder() -> Path:
    return Path(settings.CHECKPOINTS_DIR) / SAFETY_CHECKER.id


def _checker() -> "SafetyChecker":
    """This process's checker, loaded at the first call and when its files change. Raises Unusable."""
    folder = _folder()
    version = identity.of_folder(folder)
    with _loading:
        loaded = _loaded.get(folder)
        if loaded is not None and loaded[0] == version:
            return loaded[1]
        if fault := checker_fault():
            if loaded is not None:
                # Its files are away, or are being replaced: the loaded one serves.
                return loaded[1]
            raise Unusable(fault)
        from generation.engine.diffusion.safety_checker import (  # noqa: PLC0415  # slow import: torch
            SafetyChecker,
        )

        _loaded.clear()
        _loaded[folder] = (version, SafetyChecker.load(folder))
        return _loaded[folder][1]


# The identity of its files, and the checker, by folder.
_loaded: "dict[Path, tuple[str, SafetyChecker]]" = {}
_loading = threading.Lock()
