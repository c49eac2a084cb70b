"""Whether a picture is ours, as far as one can tell: by its sum, its signature, and what it says.

Nothing that is found tells whose it is. Only who has one of our files can know its sum: see `marking.Mark`.
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.utils.translation import gettext_lazy as _

from generation.images import c2pa, uploads
from generation.images.read_metadata import Metadata
from generation.models import Image

READ = (sys.executable, "-m", "generation.images.read_metadata")
TRUSTED, VALID, INVALID = "Trusted", "Valid", "Invalid"
# IPTC's words for pictures that a model made, in whole or in part, end like this.
_AI_ENDING = "rainedAlgorithmicMedia"


class Answer(StrEnum):
    """What can be said of a picture, the most certain first."""

    OURS = "ours"
    SAYS_OURS = "says_ours"
    SAYS_AI = "says_ai"
    UNKNOWN = "unknown"


HEADINGS = {
    Answer.OURS: _("Yes, this picture was made here"),
    Answer.SAYS_OURS: _("It says that it was made here"),
    Answer.SAYS_AI: _("It says that an AI made it, elsewhere"),
    Answer.UNKNOWN: _("Nothing shows that it was made here"),
}
EXPLANATIONS = {
    Answer.OURS: _("It is as it left us: not a single byte was changed since."),
    Answer.SAYS_OURS: _(
        "It bears our mark, but is not one of our files as they left us. It may have been edited, or the "
        "mark copied from another picture."
    ),
    Answer.SAYS_AI: _("It bears the mark of another program. We cannot tell whether that is true."),
    Answer.UNKNOWN: _(
        "That proves little: a screenshot, or a copy that was sent through a messenger, loses every mark."
    ),
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found. `is_known` says that the file's sum is one of ours."""

    told: Metadata
    is_known: bool
    is_signed_by_us: bool

    @property
    def answer(self) -> Answer:
        if self.is_known or self.is_signed_by_us:
            return Answer.OURS
        if self.says_ours:
            return Answer.SAYS_OURS
        return Answer.SAYS_AI if self.says_ai else Answer.UNKNOWN

    @property
    def says_ai(self) -> bool:
        return self.told.source_type.endswith(_AI_ENDING)

    @property
    def says_ours(self) -> bool:
        """Whether it names this site as its maker; anybody can write that."""
        is_marked = self.says_ai or self.told.has_parameters
        return is_marked and self.told.tool == settings.SITE_NAME

    @property
    def heading(self) -> Any:
        return HEADINGS[self.answer]

    @property
    def explanation(self) -> Any:
        return EXPLANATIONS[self.answer]

    @property
    def is_signed_by_another(self) -> bool:
        return self.told.signature in {TRUSTED, VALID} and not self.is_signed_by_us

    @property
    def was_changed_after_signing(self) -> bool:
        return self.told.signature == INVALID


def look_at(file: "File[bytes]") -> Finding:
    """Say what can be known of a picture that somebody sent; keeps nothing. Raises UploadRefused."""
    content = uploads.content_of(file)
    known = _credential()
    command = [*READ, *([settings.C2PA_CERTIFICATE] if known else [])]
    told = Metadata(**json.loads(uploads.run_isolated(command, content)))
    digest = hashlib.sha256(content).hexdigest()
    return Finding(
        told=told,
        is_known=Image.objects.filter(digest=digest).exists(),
        is_signed_by_us=known is not None
        and told.signature == TRUSTED
        and told.serial == known.serial,
    )


def _credential() -> c2pa.Credential | None:
    try:
        return c2pa.credential()
    except c2pa.InvalidCredential:
        # A system check says so.
        return None
