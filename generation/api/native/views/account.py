"""Balance and usage of a key."""

from datetime import UTC, date, timedelta
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router
from ninja.params import functions as P  # noqa: N812  # ninja's own short name

from billing import ledger
from billing.models import Unit
from generation.api.native.auth import ACCOUNT, key_of
from generation.api.native.errors import PROBLEMS
from generation.api.native.schemas import Balance, Usage
from generation.jobs import budgets
from generation.models.api import KeyDay

USAGE_DAYS = 90
Days = Annotated[int, P.Query(ge=1, le=USAGE_DAYS)]

router = Router(tags=["account"])


@router.get("/balance", response={200: Balance, **PROBLEMS}, auth=ACCOUNT, url_name="balance")
def get_balance(request: HttpRequest) -> dict[str, Any]:
    """The balance of the key's owner, and the rest of the key's budget."""
    key = key_of(request)
    spent = budgets.spent(key)
    return {
        "credits": ledger.available_and_held(key.user, Unit.CREDITS),
        "gpu_ms": ledger.available_and_held(key.user, Unit.GPU_MS),
        "pays_in": key.pays_in,
        "budget": {
            "limit": key.budget,
            "spent": spent,
            "left": None if key.budget is None else max(0, key.budget - spent),
            "window": key.window,
        },
    }


@router.get("/usage", response={200: Usage, **PROBLEMS}, auth=ACCOUNT, url_name="usage")
def get_usage(request: HttpRequest, days: Days = 30) -> dict[str, Any]:
    """Cost of the key's jobs by day, including amounts on hold. Days without a job are omitted."""
    key = key_of(request)
    since = _today() - timedelta(days=days - 1)
    found = KeyDay.objects.filter(api_key=key, day__gte=since).order_by("day")
    return {
        "unit": key.pays_in,
        "days": [{"day": each.day.isoformat(), "spent": each.spent} for each in found],
    }


def _today() -> date:
    return timezone.now().astimezone(UTC).date()
