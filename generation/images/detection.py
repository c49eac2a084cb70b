"""Detection of images made here: by digest, signature and metadata.

A finding never reveals the owner. Only a holder of the file can know its digest; see `ai_label.Mark`.
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
# Common ending of IPTC's source types for media made wholly or partly by a model.
_AI_ENDING = "rainedAlgorithmicMedia"


class Answer(StrEnum):
    """Possible answers, the most certain first."""

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
    """The result of an inspection. `is_known`: the file's digest is that of one of our files."""

    metadata: Metadata
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
        return self.metadata.source_type.endswith(_AI_ENDING)

    @property
    def says_ours(self) -> bool:
        """True if the metadata names this site as the maker. Metadata is easy to forge."""
        is_marked = self.says_ai or self.metadata.has_parameters
        return is_marked and self.metadata.tool == settings.SITE_NAME

    @property
    def heading(self) -> Any:
        return HEADINGS[self.answer]

    @property
    def explanation(self) -> Any:
        return EXPLANATIONS[self.answer]

    @property
    def is_signed_by_another(self) -> bool:
        return self.metadata.signature in {TRUSTED, VALID} and not self.is_signed_by_us

    @property
    def was_changed_after_signing(self) -> bool:
        return self.metadata.signature == INVALID


def inspect(file: "File[bytes]") -> Finding:
    """Inspect an uploaded image without storing it. Raises UploadRefused."""
    content = uploads.content_of(file)
    own = _credential()
    command = [*READ, *([settings.C2PA_CERTIFICATE] if own else [])]
    metadata = Metadata(**json.loads(uploads.run_isolated(command, content)))
    digest = hashlib.sha256(content).hexdigest()
    return Finding(
        metadata=metadata,
        is_known=Image.objects.filter(digest=digest).exists(),
        is_signed_by_us=own is not None
        and metadata.signature == TRUSTED
        and metadata.serial == own.serial,
    )


def _credential() -> c2pa.Credential | None:
    try:
        return c2pa.credential()
    except c2pa.InvalidCredential:
        # A system check reports it.
        return None
