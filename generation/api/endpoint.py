"""Authentication, method checks and error bodies for the endpoints of one API format."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from accounts import body_sizes
from accounts.models import Scope
from generation.api import auth, errors
from generation.api.errors import ApiError
from generation.api.threads import in_thread

View = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class ApiFormat:
    """An API format's error body and its request size limit."""

    error_response: Callable[[ApiError], HttpResponseBase]
    max_bytes: int = auth.MAX_BYTES

    def endpoint(self, *methods: str, scope: Scope | None) -> Callable[[View], Callable[..., Any]]:
        """Require a key with this scope, or any key; the view may be asynchronous or not."""

        def decorate(view: View) -> Callable[..., Any]:
            run = view if iscoroutinefunction(view) else in_thread(view)

            @body_sizes.accepts(self.max_bytes, with_key=True)
            @csrf_exempt
            @wraps(view)
            async def guarded(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
                try:
                    await self._check(request, methods=methods, scope=scope)
                    response: HttpResponseBase = await run(request, **arguments)
                except Exception as exception:  # noqa: BLE001  # clients parse the format's own error body
                    return self.respond_to(request, exception)
                return response

            return guarded

        return decorate

    def respond_to(self, request: HttpRequest, exception: Exception) -> HttpResponseBase:
        """The error response for an exception; notes its code in the call log."""
        error = errors.from_exception(exception)
        if call := auth.known_call(request):
            call.code = error.code
        response = self.error_response(error)
        if error.retry_after is not None:
            response["Retry-After"] = str(error.retry_after)
        return response

    def not_found(self) -> Callable[..., Any]:
        """A view that answers 404 in this format."""

        @csrf_exempt
        async def view(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
            return self.respond_to(request, errors.not_found())

        return view

    async def _check(
        self, request: HttpRequest, *, methods: Collection[str], scope: Scope | None
    ) -> None:
        if request.method not in methods:
            raise errors.wrong_method()
        await in_thread(auth.authenticate)(request, scope=scope, max_bytes=self.max_bytes)
