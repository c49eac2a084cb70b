"""Balance and usage of a key."""

from datetime import UTC, date, timedelta
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router
from ninja.params import functions as P  # noqa: N812  # ninja's own short name

from generation.api.native import serializers
from generation.api.native.auth import ACCOUNT, key_of
from generation.api.native.errors import PROBLEMS
from generation.api.native.schemas import Balance, Usage
from generation.models.api import KeyDay

USAGE_DAYS = 90
Days = Annotated[int, P.Query(ge=1, le=USAGE_DAYS)]

router = Router(tags=["account"])


@router.get("/balance", response={200: Balance, **PROBLEMS}, auth=ACCOUNT, url_name="balance")
def get_balance(request: HttpRequest) -> dict[str, Any]:
    """The balance of the key's owner, and the rest of the key's budget."""
    return serializers.balance(key_of(request))


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
