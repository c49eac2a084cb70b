"""Stability's v1 endpoints: text-to-image, image-to-image, masking, engines, balance and account."""

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from accounts.models import Scope
from billing import ledger
from billing.models import Unit
from generation.api import auth, build_request, orders, wait
from generation.api.stability.v1 import parsing, serializers
from generation.api.stability.v1.errors import api_format
from generation.api.stability.v1.parsing import ParsedRequest
from generation.api.threads import in_thread
from generation.models import Job


@api_format.endpoint("POST", scope=Scope.GENERATE)
async def text_to_image(request: HttpRequest, engine_id: str) -> HttpResponseBase:
    return await _generate(request, await in_thread(parsing.text_to_image)(request, engine_id))


@api_format.endpoint("POST", scope=Scope.GENERATE)
async def image_to_image(request: HttpRequest, engine_id: str) -> HttpResponseBase:
    return await _generate(request, await in_thread(parsing.image_to_image)(request, engine_id))


@api_format.endpoint("POST", scope=Scope.GENERATE)
async def masking(request: HttpRequest, engine_id: str) -> HttpResponseBase:
    return await _generate(request, await in_thread(parsing.masking)(request, engine_id))


@api_format.endpoint("GET", scope=Scope.READ)
def engines(request: HttpRequest) -> JsonResponse:
    shown = [
        {"id": each.id, "name": each.name, "description": each.summary, "type": "PICTURE"}
        for each in build_request.checkpoints_of(auth.call_of(request).key)
    ]
    return JsonResponse(shown, safe=False)


@api_format.endpoint("GET", scope=Scope.ACCOUNT)
def balance(request: HttpRequest) -> JsonResponse:
    user = auth.call_of(request).key.user
    return JsonResponse({"credits": ledger.available(user, Unit.CREDITS) / 1_000})


@api_format.endpoint("GET", scope=Scope.ACCOUNT)
def account(request: HttpRequest) -> JsonResponse:
    user = auth.call_of(request).key.user
    return JsonResponse(
        {"email": user.email, "id": str(user.pk), "organizations": [], "profile_picture": ""}
    )


async def _generate(request: HttpRequest, parsed: ParsedRequest) -> HttpResponseBase:
    jobs = await in_thread(_place)(request, parsed)
    ended = await wait.until_all_ended(jobs)
    return await in_thread(serializers.images)(request, ended)


def _place(request: HttpRequest, parsed: ParsedRequest) -> list[Job]:
    call = auth.call_of(request)
    jobs = orders.place_all(call.key, parsed.parts, parsed.idempotency)
    call.job = jobs[0]
    return jobs
