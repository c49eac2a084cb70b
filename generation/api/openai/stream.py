"""A picture that comes piece by piece on OpenAI's wire: partial images on the way, then the whole."""

import json
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from generation.api import files, results, sse
from generation.api import wait as api_wait
from generation.api.openai.errors import ERRORS, ResponseFormat
from generation.api.threads import in_thread
from generation.api.wait import Heard
from generation.models import Image, Job, Status

# Pictures are not counted in tokens here; their clients want the numbers all the same.
USAGE = {
    "input_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "output_tokens": 0,
    "total_tokens": 0,
}


async def events(jobs: Sequence[Job], looks: ResponseFormat) -> AsyncIterator[bytes]:
    """Whoever breaks it off loses nothing: the jobs go on, and a retry of the same body joins them.

    Jobs are told of one after the other. One that failed is told of last: clients stop there.
    """
    deadline = time.monotonic() + api_wait.LONGEST_SECONDS
    ended = []
    for job in jobs:
        async for event in _until_ended(job, looks, deadline=deadline):
            yield event
        ended.append(await api_wait.read(job.pk))
        if ended[-1].status == Status.SUCCEEDED:
            for image in await in_thread(results.pictures_of)(ended[-1]):
                yield await in_thread(_completed)(ended[-1], image, looks)
    if failed := [job for job in ended if job.status != Status.SUCCEEDED]:
        yield _failed(failed[0])


async def _until_ended(job: Job, looks: ResponseFormat, *, deadline: float) -> AsyncIterator[bytes]:
    sent = 0
    async with api_wait.listening(job) as heard:
        job = await api_wait.read(job.pk)
        while not job.is_final and time.monotonic() < deadline:
            async for partial in _partials(job, heard, looks, sent=sent):
                sent += 1
                yield partial
            yield sse.HEARTBEAT
            job = await api_wait.read(job.pk)


def described(job: Job, looks: ResponseFormat) -> dict[str, Any]:
    request = job.generation_request
    return {
        "background": "opaque",
        "output_format": looks.format,
        "quality": "high",
        "size": f"{request.width}x{request.height}",
    }


async def _partials(
    job: Job, heard: Heard, looks: ResponseFormat, *, sent: int
) -> AsyncIterator[bytes]:
    """As many partial images as are wanted, spread over the steps."""
    if not looks.partial_images:
        await heard.wait(api_wait.LOOK_SECONDS)
        return
    steps, done = job.generation_request.evaluations, 0
    async for each in sse.until_it_moved(job, heard, seen=-1):
        if each.name == "step":
            done = each.data["step"]
        elif each.name == "preview" and sent < looks.partial_images:
            if done * (looks.partial_images + 1) < steps * (sent + 1):
                continue
            yield _partial(job, each.data["jpeg"], looks, index=sent)
            sent += 1


def _partial(job: Job, jpeg: str, looks: ResponseFormat, *, index: int) -> bytes:
    content = files.as_format(files.decoded(jpeg, param=""), looks.format)
    return _event(
        f"{looks.kind}.partial_image",
        {
            "b64_json": files.base64_of(content),
            "partial_image_index": index,
            "created_at": int(time.time()),
            **described(job, looks),
        },
    )


def _completed(job: Job, image: Image, looks: ResponseFormat) -> bytes:
    content = files.content_of(image, format=looks.format, quality=looks.quality)
    return _event(
        f"{looks.kind}.completed",
        {
            "b64_json": files.base64_of(content),
            "created_at": int(time.time()),
            **described(job, looks),
            "usage": USAGE,
        },
    )


def _failed(job: Job) -> bytes:
    refusal = results.not_made(job)
    _status, kind, code = ERRORS.get(refusal.code, (0, "server_error", refusal.code))
    error = {"message": refusal.message, "type": kind, "param": None, "code": code}
    return f"data: {json.dumps({'error': error})}\n\n".encode()


def _event(name: str, data: dict[str, Any]) -> bytes:
    return sse.event(name, {"type": name, **data})
