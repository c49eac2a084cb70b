"""API errors, independent of the API format; each format renders them as its own body."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import redis
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import media
from billing import ledger
from billing.plans import PaymentOverdue
from generation import moderation
from generation.api.outbound_http import UnfitAddress
from generation.engine.request import InvalidRequest
from generation.images import read_settings, sources, uploads
from generation.jobs import admission, budgets, failure_limit
from generation.options.engine_messages import translated

log = logging.getLogger(__name__)

_TRANSIENT = (InterfaceError, OperationalError, redis.ConnectionError, redis.TimeoutError)

# By error code. Clients match on the codes: never change one.
ADVICE: Mapping[str, object] = {
    "unauthorized": gettext_lazy("Send a key that you made on the page “API” of your account."),
    "forbidden_scope": gettext_lazy("Use a key that may do this, or let this one do more."),
    "origin_not_allowed": gettext_lazy("Add the website on the key’s page, or use another key."),
    "checkpoint_not_allowed": gettext_lazy("Use a checkpoint that the key is allowed."),
    "size_not_allowed": gettext_lazy("Ask for a smaller picture."),
    "insufficient_credits": gettext_lazy(
        "Buy credits on the page “Plan and billing”, or make a key that pays with your plan’s minutes."
    ),
    "insufficient_minutes": gettext_lazy("Get more minutes, or use a key that pays in credits."),
    "budget_exceeded": gettext_lazy("Raise the key’s budget, or wait until it starts anew."),
    "payment_overdue": gettext_lazy("Pay what is open on the page “Plan and billing”."),
    "too_many_jobs": gettext_lazy("Wait until a job of yours has started, then try again."),
    "too_many_failures": gettext_lazy("Change what made your last jobs fail."),
    "rate_limited": gettext_lazy("Wait as long as Retry-After says, then go on more slowly."),
    "idempotency_key_reused": gettext_lazy("Use another Idempotency-Key for another request."),
    "invalid": gettext_lazy("Correct what “errors” names."),
    "too_large": gettext_lazy("Send less, or a smaller picture."),
    "not_found": gettext_lazy("Look whether the address and the key are right."),
    "unavailable": gettext_lazy("Try again in a few seconds."),
}


class ApiError(Exception):
    """An error response. `param` is the invalid field, by the name that the client used.

    `errors` has one message for each invalid field. `retry_after` is in seconds.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str = "",
        errors: Mapping[str, str] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.errors = dict(errors or ({param: message} if param else {}))
        self.retry_after = retry_after

    @property
    def advice(self) -> str:
        return str(ADVICE.get(self.code, ""))

    @property
    def explained(self) -> str:
        """The message, for formats without a field for advice: with it where the customer has to act."""
        return (
            f"{self.message} {self.advice}".strip() if self.status in {401, 402} else self.message
        )


def not_found(message: str = "") -> ApiError:
    return ApiError(404, "not_found", message or _("There is nothing here."))


def wrong_method() -> ApiError:
    return ApiError(405, "method_not_allowed", _("This address has another method."))


def invalid(param: str, message: str) -> ApiError:
    return ApiError(422, "invalid", message, param=param)


def from_exception(exception: Exception) -> ApiError:
    """Convert an exception; an unexpected one becomes a 500 and is logged."""
    if isinstance(exception, ApiError):
        return exception
    for kind, convert in _CONVERSIONS.items():
        if isinstance(exception, kind):
            return convert(exception)
    return _unexpected(exception)


def too_large() -> ApiError:
    return ApiError(413, "too_large", _("This is more than can be sent at once."))


def forbidden_scope() -> ApiError:
    return ApiError(403, "forbidden_scope", _("This key may not do this."))


def too_slow() -> ApiError:
    return ApiError(408, "too_slow", _("The request took too long to arrive."))


def unavailable() -> ApiError:
    return ApiError(503, "unavailable", _("We are busy, or restarting a server."), retry_after=5)


def malformed() -> ApiError:
    return ApiError(400, "malformed", _("The form cannot be read."))


def _to_error(
    status: int, code: str, *, param: str = "", retry_after: int | None = None
) -> Callable[[Any], ApiError]:
    """A conversion that shows the exception's message, and uses its `field` if it has one."""

    def convert(exception: Any) -> ApiError:
        field = getattr(exception, "field", param)
        return ApiError(status, code, str(exception), param=field, retry_after=retry_after)

    return convert


def _too_many_failures(error: failure_limit.TooManyFailures) -> ApiError:
    return ApiError(429, "too_many_failures", str(error), retry_after=error.retry_after)


def _invalid_image(error: uploads.UploadRefused) -> ApiError:
    if error.code in {"bytes", "side", "size"}:
        return ApiError(413, "too_large", str(error), param="image")
    return ApiError(422, "unfit_picture", str(error), param="image")


def _invalid_request(error: InvalidRequest) -> ApiError:
    errors = {name: translated(message) for name, message in error.errors.items()}
    name, message = next(iter(errors.items()))
    return ApiError(422, "invalid", message, param=name, errors=errors)


def is_transient(error: BaseException | None) -> bool:
    """True while a server restarts, is too busy for its time limits, or has no room: a retry helps."""
    return isinstance(error, _TRANSIENT) or media.is_out_of_room(error)


def _unexpected(error: Exception) -> ApiError:
    if is_transient(error):
        log.warning("an API request met a server that is away, or a full disk: %s", error)
        return unavailable()
    log.error("an API request failed", exc_info=error)
    return ApiError(500, "internal", _("Something went wrong on our side."))


_CONVERSIONS: Mapping[type[Exception], Callable[[Any], ApiError]] = {
    InvalidRequest: _invalid_request,
    ledger.InsufficientBalance: _to_error(402, "insufficient_credits"),
    budgets.OverBudget: _to_error(402, "budget_exceeded"),
    PaymentOverdue: _to_error(402, "payment_overdue"),
    admission.TooManyJobs: _to_error(429, "too_many_jobs", retry_after=5),
    failure_limit.TooManyFailures: _too_many_failures,
    admission.OverPlanLimit: _to_error(403, "size_not_allowed", param="width"),
    admission.CheckpointUnavailable: _to_error(422, "checkpoint_unavailable", param="checkpoint"),
    moderation.PromptRejected: _to_error(403, "prompt_rejected"),
    moderation.NotServing: _to_error(503, "not_serving", retry_after=60),
    sources.MissingPicture: _to_error(422, "picture_missing"),
    uploads.UploadRefused: _invalid_image,
    uploads.NotStored: _to_error(503, "not_stored", param="image", retry_after=60),
    read_settings.NothingToRead: _to_error(422, "unfit_picture", param="image"),
    UnfitAddress: _to_error(422, "invalid", param="webhook_url"),
    RequestDataTooBig: lambda _error: too_large(),
    # Too many fields or files, no boundary, text that is not UTF-8.
    SuspiciousOperation: lambda _error: malformed(),
    BadRequest: lambda _error: malformed(),
    MultiPartParserError: lambda _error: malformed(),
    Http404: lambda _error: not_found(),
}
