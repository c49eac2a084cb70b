"""OpenAI's image stream: partial images, then the completed ones."""

import json
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from generation.api import delivery, files, results, sse
from generation.api import wait as api_wait
from generation.api.openai import errors, serializers
from generation.api.openai.parsing import ResponseFormat
from generation.api.threads import in_thread
from generation.api.wait import Heard
from generation.images import file_formats
from generation.models import Image, Job, Status


async def events(jobs: Sequence[Job], response_format: ResponseFormat) -> AsyncIterator[bytes]:
    """Events of all jobs, one job after the other; an error comes last, because clients stop there.

    If the connection breaks the jobs go on, and a retry of the same body joins them.
    """
    deadline = time.monotonic() + api_wait.LONGEST_SECONDS
    ended: list[Job] = []
    for job in jobs:
        async for event in _until_ended(job, response_format, deadline=deadline):
            yield event
        ended.append(await api_wait.read(job.pk))
        results_of_job = await in_thread(_results)(ended[-1], response_format)
        if len(ended) < len(jobs):
            for result in results_of_job:
                yield result
    failed = [job for job in ended if job.status != Status.SUCCEEDED]
    *others, last = [*results_of_job, *([_failed(failed[0])] if failed else [])]
    for result in others:
        yield result
    if all(job.is_final for job in ended):
        # Before the last event: some clients leave as soon as they have it.
        await delivery.mark(ended)
    yield last


def _results(job: Job, response_format: ResponseFormat) -> list[bytes]:
    if job.status != Status.SUCCEEDED:
        return []
    return [_completed(job, image, response_format) for image in results.images_of(job)]


async def _until_ended(
    job: Job, response_format: ResponseFormat, *, deadline: float
) -> AsyncIterator[bytes]:
    sent = 0
    async with api_wait.listening(job) as heard:
        job = await api_wait.read(job.pk)
        while not job.is_final and time.monotonic() < deadline:
            async for partial in _partials(job, heard, response_format, sent=sent):
                sent += 1
                yield partial
            yield sse.HEARTBEAT
            job = await api_wait.read(job.pk)


async def _partials(
    job: Job, heard: Heard, response_format: ResponseFormat, *, sent: int
) -> AsyncIterator[bytes]:
    """Up to `partial_images` previews, spread evenly over the steps."""
    if not response_format.partial_images:
        await heard.wait(api_wait.LOOK_SECONDS)
        return
    steps, done = job.generation_request.evaluations, 0
    async for each in sse.until_row_changes(job, heard, seen=-1):
        if each.name == "step":
            done = each.data["step"]
        elif each.name == "preview" and sent < response_format.partial_images:
            if done * (response_format.partial_images + 1) < steps * (sent + 1):
                continue
            yield _partial(job, each.data["jpeg"], response_format, index=sent)
            sent += 1


def _partial(job: Job, jpeg: str, response_format: ResponseFormat, *, index: int) -> bytes:
    content = files.as_format(files.decoded(jpeg, param=""), response_format.format)
    return _event(
        f"{response_format.kind}.partial_image",
        {
            "b64_json": files.base64_of(content),
            "partial_image_index": index,
            "created_at": int(time.time()),
            **serializers.properties(job, response_format),
        },
    )


def _completed(job: Job, image: Image, response_format: ResponseFormat) -> bytes:
    content = file_formats.content_of(
        image, format=response_format.format, quality=response_format.quality
    )
    return _event(
        f"{response_format.kind}.completed",
        {
            "b64_json": files.base64_of(content),
            "created_at": int(time.time()),
            **serializers.properties(job, response_format),
            "usage": serializers.USAGE,
        },
    )


def _failed(job: Job) -> bytes:
    error = errors.streamed(results.error_for(job))
    return f"data: {json.dumps({'error': error})}\n\n".encode()


def _event(name: str, data: dict[str, Any]) -> bytes:
    return sse.event(name, {"type": name, **data})
