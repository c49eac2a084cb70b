"""The page that developers see for an error, with DEBUG on."""

from collections.abc import ItemsView
from types import FrameType, TracebackType
from typing import Any

from django.http import HttpRequest
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter


class Reporter(ExceptionReporter):
    """Django's page for developers, which shows a temporary error without the variables of its frames.

    To print one may query the server that is down, and wait for it again.
    """

    def __init__(
        self,
        request: HttpRequest | None,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
        is_email: bool = False,
    ) -> None:
        # Django imports this module for its logging, before it loads the apps.
        from sdsite.errors import is_passing  # noqa: PLC0415  # app registry: it knows the models' errors

        # The page names the request's user, whom it would look up.
        super().__init__(
            None if is_passing(exc_value) else request, exc_type, exc_value, tb, is_email
        )
        if is_passing(exc_value):
            self.filter = _NoVariables()


class _NoVariables(SafeExceptionReporterFilter):
    def get_traceback_frame_variables(
        self, request: HttpRequest | None, tb_frame: FrameType
    ) -> ItemsView[str, Any]:
        return {}.items()
