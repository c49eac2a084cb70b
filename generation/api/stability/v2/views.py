"""Stability's v2beta endpoints: generate, inpaint, outpaint, upscale and results."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from accounts.models import Scope
from generation.api import auth, errors, orders, wait
from generation.api.idempotency import digests_of, identify
from generation.api.parsing import form
from generation.api.stability.v2 import parsing, serializers
from generation.api.stability.v2.errors import api_format
from generation.api.threads import in_thread
from generation.engine.request import GenerationRequest
from generation.images import file_formats
from generation.models import Job


@api_format.endpoint("POST", scope=Scope.GENERATE)
async def generate(request: HttpRequest, service: str) -> HttpResponseBase:
    """The services sd3, core and ultra; with an image, image-to-image."""
    return await _generate(request, await in_thread(parsing.generate)(request))


@api_format.endpoint("POST", scope=Scope.GENERATE)
async def inpaint(request: HttpRequest) -> HttpResponseBase:
    """Repaint the white areas of the mask, or without one the image's transparent areas."""
    return await _generate(request, await in_thread(parsing.inpaint)(request))


@api_format.endpoint("POST", scope=Scope.GENERATE)
async def outpaint(request: HttpRequest) -> HttpResponseBase:
    return await _generate(request, await in_thread(parsing.outpaint)(request))


@api_format.endpoint("POST", scope=Scope.GENERATE)
async def upscale(request: HttpRequest, service: str) -> HttpResponseBase:
    """The services fast and conservative return the image; creative returns an id for `result`."""
    generation_request = await in_thread(parsing.upscale)(request)
    if service == "creative":
        format = await in_thread(parsing.output_format)(request)
        job = await in_thread(_place)(request, generation_request)
        return JsonResponse({"id": str(job.pk) if format == "png" else f"{job.pk}.{format}"})
    return await _generate(request, generation_request)


@api_format.endpoint("GET", scope=Scope.READ)
def result(request: HttpRequest, result_id: str) -> HttpResponse:
    """The image of a job by its id, in the format that the id ends with; 202 until it has ended."""
    call = auth.call_of(request)
    id, _dot, format = result_id.partition(".")
    if format not in {"", *file_formats.FORMATS}:
        raise errors.not_found()
    try:
        mine = Job.objects.filter(api_key=call.key)
        job = call.job = mine.get(pk=UUID(id))
    except (ValueError, Job.DoesNotExist) as error:
        raise errors.not_found() from error
    if not job.is_final:
        return JsonResponse({"id": result_id, "status": "in-progress"}, status=202)
    return serializers.image(request, job, format=format or "png")


async def _generate(
    request: HttpRequest, generation_request: GenerationRequest
) -> HttpResponseBase:
    format = await in_thread(parsing.output_format)(request)
    job = await in_thread(_place)(request, generation_request)
    ended = await wait.until_ended(job)
    return await in_thread(serializers.image)(request, ended, format=format)


def _place(request: HttpRequest, generation_request: GenerationRequest) -> Job:
    call = auth.call_of(request)
    fields, sent = form(request)
    idempotency = identify(request, {**fields, **digests_of(sent)})
    job = call.job = orders.place(call.key, generation_request, idempotency)[0]
    return job
