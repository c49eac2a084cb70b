"""Admission control: the limits of a plan, and the price of a request."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing import plans, pricing
from billing.models import Unit
from billing.plans import PAY_AS_YOU_GO, Plan
from billing.pricing import Quote
from generation.engine.checkpoints import catalogue
from generation.engine.request import GenerationRequest
from generation.models import Job
from generation.queue import estimates

if TYPE_CHECKING:
    from accounts.models import User

log = logging.getLogger(__name__)

# Queued jobs allowed for each job that the plan lets run at once.
WAITING_FOR_EACH_RUNNING = 10
# Parked jobs allowed for each user.
MOST_PARKED = 10


class OverPlanLimit(Exception):
    """The request exceeds the user's plan. Nothing was written."""


class CheckpointUnavailable(Exception):
    """The checkpoint's weights are missing or damaged. Nothing was written."""


class TooManyJobs(Exception):
    """The user has as many queued or parked jobs as allowed. Nothing was written."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The plan and price of a request. `credits` are thousandths, zero for a job paid in GPU time."""

    plan: Plan
    unit: Unit
    quote: Quote
    credits: int

    @property
    def price(self) -> int:
        """The amount to hold, in the unit."""
        return self.credits if self.unit == Unit.CREDITS else self.quote.ceiling_ms


def check(user: "User", request: GenerationRequest, *, unit: Unit) -> Terms:
    """The terms of a request today. Raises PaymentOverdue, CheckpointUnavailable, OverPlanLimit."""
    plan = PAY_AS_YOU_GO if unit == Unit.CREDITS else plans.require_plan(user)
    _require_available(request)
    require_size(request, plan)
    return Terms(
        plan=plan,
        unit=unit,
        quote=estimates.quote(request),
        credits=credits(request) if unit == Unit.CREDITS else 0,
    )


def credits(request: GenerationRequest) -> int:
    """The request's price in thousandths of a credit."""
    checkpoint = catalogue.get(request.checkpoint)
    return pricing.credits(
        per_picture=checkpoint.credits,
        native_pixels=checkpoint.native_size**2,
        pixels=request.pixels,
        steps=request.num_inference_steps * (1 + request.noise_scheduler.evaluates_twice),
        num_images=request.num_images,
        length_factor=estimates.length_factor(request),
    )


def require_room_in_line(user: "User", plan: Plan) -> None:
    """Raises TooManyJobs."""
    limit = plan.jobs_at_once * WAITING_FOR_EACH_RUNNING
    if Job.objects.for_user(user).queued().count() >= limit:
        raise TooManyJobs(
            ngettext(
                "You have %(limit)d picture in line already. Wait until it has started.",
                "You have %(limit)d pictures in line already. Wait until one has started.",
                limit,
            )
            % {"limit": limit}
        )


def require_room_to_park(user: "User") -> None:
    """Raises TooManyJobs."""
    if Job.objects.for_user(user).parked().count() >= MOST_PARKED:
        raise TooManyJobs(
            ngettext(
                "You have %(limit)d picture parked already, and no minutes left. Get more to go on.",
                "You have %(limit)d pictures parked already, and no minutes left. Get more to go on.",
                MOST_PARKED,
            )
            % {"limit": MOST_PARKED}
        )


def require_size(request: GenerationRequest, plan: Plan) -> None:
    """Raises OverPlanLimit if the picture is too large for the plan."""
    if request.pixels > plan.max_pixels:
        raise OverPlanLimit(
            ngettext(
                "The %(plan)s plan makes pictures of up to %(megapixels)d megapixel.",
                "The %(plan)s plan makes pictures of up to %(megapixels)d megapixels.",
                plan.max_megapixels,
            )
            % {"plan": plan.name, "megapixels": plan.max_megapixels}
        )


def _require_available(request: GenerationRequest) -> None:
    checkpoint, root = catalogue.get(request.checkpoint), settings.CHECKPOINTS_DIR
    if not catalogue.is_present(checkpoint, root=root):
        raise CheckpointUnavailable(
            _("%(name)s is not installed here. Choose another model.") % {"name": checkpoint.name}
        )
    if fault := catalogue.problem_with(checkpoint, root=root):
        log.error("checkpoint %s is unavailable: %s", checkpoint.id, fault)
        raise CheckpointUnavailable(
            _("%(name)s is not available at the moment. Choose another model.")
            % {"name": checkpoint.name}
        )
