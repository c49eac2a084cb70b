"""Requests for drafts: some steps of several variants, to choose from."""

from generation.engine.enums import Mode
from generation.engine.messages import Message, gettext_noop
from generation.engine.request import MAX_DRAFTS, GenerationRequest, InvalidRequest

# After this share of its steps, a preview shows what the image will become.
SHARE = 0.3
# Stands for the digest of a state that is not there yet.
_ANY_STATE = "0" * 64


def drafts_of(request: GenerationRequest) -> GenerationRequest:
    """Return the request for drafts of these settings, with consecutive seeds. Raises InvalidRequest."""
    if request.mode is Mode.UPSCALE:
        raise InvalidRequest(
            {"mode": Message(gettext_noop("Drafts are for new pictures, not for larger ones."))}
        )
    steps = max(1, round(SHARE * request.evaluations_in_full))
    changes = {"num_images": MAX_DRAFTS, "draft_steps": steps}
    return GenerationRequest.from_dict({**request.to_dict(), **changes})


def rest_of(drafts: GenerationRequest) -> GenerationRequest:
    """Return a request that costs what it takes to finish one of these drafts."""
    origin = {"origin": _ANY_STATE, "origin_step": drafts.draft_steps, "draft_steps": 0}
    return GenerationRequest.stored({**drafts.alone(0).to_dict(), **origin})
