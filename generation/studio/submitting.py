"""Submission of a form's request, and refusals as the form's errors."""

from typing import TYPE_CHECKING

from django import forms
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from billing import ledger
from billing.plans import PaymentOverdue
from billing.templatetags.amounts import gpu_time
from generation import jobs, moderation
from generation.engine.request import GenerationRequest
from generation.images import kept_states, sources
from generation.models import Job

if TYPE_CHECKING:
    from accounts.models import User


class Refused(Exception):
    """The request was not submitted; the form has the reason."""


def submit(
    user: "User",
    form: forms.Form,
    request: GenerationRequest,
    *,
    may_wait: bool = True,
    synthetic_for: str = "",
) -> Job:
    """The queued or parked job. Raises Refused."""
    try:
        return jobs.submit(user, request, may_wait=may_wait, synthetic_for=synthetic_for)
    except jobs.OverPlanLimit as refusal:
        _add(form, "shape", str(refusal))
    except jobs.CheckpointUnavailable as refusal:
        _add(form, "checkpoint", str(refusal))
    except sources.MissingPicture as missing:
        _add(form, missing.field, str(missing))
    except moderation.PromptRejected as refusal:
        _add(form, refusal.field, str(refusal))
    except (jobs.TooManyFailures, kept_states.MissingState) as refusal:
        _add(form, None, str(refusal))
    except ledger.InsufficientBalance as shortage:
        _add(form, None, _with_link(_explain(shortage)))
    except (jobs.TooManyJobs, PaymentOverdue, moderation.NotServing) as refusal:
        _add(form, None, _with_link(str(refusal)))
    raise Refused


def _add(form: forms.Form, field: str | None, error: str) -> None:
    """Add the error to its field, or to the whole form if that has no such field."""
    form.add_error(field if field in form.fields else None, error)


def _explain(shortage: ledger.InsufficientBalance) -> str:
    return _("This may take %(needed)s of GPU time, and you have %(available)s left.") % {
        "needed": gpu_time(shortage.needed),
        "available": gpu_time(shortage.available),
    }


def _with_link(refusal: str) -> SafeString:
    link = format_html('<a href="{}">{}</a>', reverse("billing:plan"), _("Plan and billing"))
    return format_html("{} {}", refusal, link)
