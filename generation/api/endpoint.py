"""What stands before every view of the wires: the key, the method, and errors in the wire's own words."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from accounts.models import Scope
from generation.api import auth, errors
from generation.api.errors import ApiError
from generation.api.threads import in_thread

View = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Wire:
    """How one protocol says no, and how much it takes at once."""

    refuse: Callable[[ApiError], HttpResponseBase]
    max_bytes: int = auth.MAX_BYTES

    def endpoint(self, *methods: str, scope: Scope) -> Callable[[View], Callable[..., Any]]:
        """Let requests with a key of this scope in; a view may be asynchronous or not."""

        def decorate(view: View) -> Callable[..., Any]:
            run = view if iscoroutinefunction(view) else in_thread(view)

            @csrf_exempt
            @wraps(view)
            async def guarded(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
                try:
                    await self._enter(request, methods=methods, scope=scope)
                    response: HttpResponseBase = await run(request, **arguments)
                except Exception as error:  # noqa: BLE001  # each becomes an answer in the wire's words
                    return self.refused(request, error)
                return response

            return guarded

        return decorate

    def refused(self, request: HttpRequest, error: Exception) -> HttpResponseBase:
        """The wire's answer to what went wrong, which the log of requests names, too."""
        refusal = errors.from_exception(error)
        if entry := auth.known_entry(request):
            entry.code = refusal.code
        response = self.refuse(refusal)
        if refusal.retry_after is not None:
            response["Retry-After"] = str(refusal.retry_after)
        return response

    def not_found(self) -> Callable[..., Any]:
        """A view for all addresses that the wire does not have."""

        @csrf_exempt
        async def nothing(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
            return self.refused(request, errors.not_found())

        return nothing

    async def _enter(self, request: HttpRequest, *, methods: Collection[str], scope: Scope) -> None:
        if request.method not in methods:
            raise errors.wrong_method()
        await in_thread(auth.enter)(request, scope=scope, max_bytes=self.max_bytes)
