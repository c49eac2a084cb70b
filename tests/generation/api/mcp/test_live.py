"""The SDK's client against the running site, with its worker, the bundled checkpoint and a toy upscaler."""

import asyncio
import base64
import io
import json

import anyio
import httpx2
import PIL.Image
import pytest

from tests.generation.api.mcp.talking import ERAS, code_of, connected, text_of
from tests.generation.api.site import UPSCALER, made_key

pytestmark = pytest.mark.slow

QUICK = {"prompt": "a red house", "width": 128, "height": 128, "num_inference_steps": 4, "seed": 7}
LONG = {"prompt": "a boat", "width": 512, "height": 512, "num_inference_steps": 150}


@pytest.fixture(scope="module")
def secret(site):
    return made_key(site, "agents@example.com")


@pytest.fixture
def agent(site, secret):
    """Runs a conversation with a client of the site."""

    def run(conversation, *, mode="auto"):
        async def with_client():
            async with connected(f"{site.url}/mcp", secret, mode=mode) as client:
                return await conversation(client)

        return asyncio.run(with_client())

    return run


def opened(image):
    picture = PIL.Image.open(io.BytesIO(base64.b64decode(image.data)))
    picture.load()
    return picture


def pictures_of(result):
    return [opened(each) for each in result.content if each.type == "image"]


def links_of(result):
    return [each.uri for each in result.content if each.type == "resource_link"]


@pytest.mark.parametrize("mode", ERAS)
def test_a_picture_is_quoted_made_step_by_step_and_paid(agent, mode):
    wish = {**QUICK, "width": 512, "height": 512, "num_inference_steps": 30}
    reports = []

    async def report(progress, total, message):
        reports.append((progress, total, message))

    async def conversation(client):
        quote = await client.call_tool("quote", wish)
        before = await client.call_tool("balance")
        made = await client.call_tool("generate", wish, progress_callback=report)
        after = await client.call_tool("balance")
        return quote, before, made, after

    quote, before, made, after = agent(conversation, mode=mode)

    assert not made.is_error, text_of(made)
    assert [picture.size for picture in pictures_of(made)] == [(512, 512)]
    shown = made.structured_content
    assert shown["quote"]["price"] == quote.structured_content["price"]
    spent, left = (each.structured_content["credits"]["available"] for each in (before, after))
    assert spent - left == shown["receipt"]["charged"] > 0
    steps = [progress for progress, _total, _message in reports]
    assert steps == sorted(set(steps))
    assert steps[-1] > 0
    assert {total for _progress, total, _message in reports} == {shown["steps"]}
    assert shown["id"] in reports[0][2]
    assert httpx2.get(links_of(made)[0]).content[:4] == b"\x89PNG"


def test_a_picture_is_edited_enlarged_and_found_again(agent):
    async def conversation(client):
        made = await client.call_tool("generate", {**QUICK, "num_images": 2})
        id = made.structured_content["pictures"][1]["id"]
        edited = await client.call_tool("edit", {**QUICK, "image": id, "strength": 0.5})
        small = await client.call_tool("generate", {**QUICK, "width": 64, "height": 64})
        id = small.structured_content["pictures"][0]["id"]
        enlarged = await client.call_tool("upscale", {"image": id, "prompt": "a house"})
        job = enlarged.structured_content["id"]
        again = await client.call_tool("status", {"job": job, "wait_seconds": 1})
        models = await client.call_tool("models")
        return made, edited, enlarged, again, models

    made, edited, enlarged, again, models = agent(conversation)

    assert [picture.size for picture in pictures_of(made)] == [(128, 128)] * 2
    assert [picture.size for picture in pictures_of(edited)] == [(128, 128)]
    assert [picture.size for picture in pictures_of(enlarged)] == [(256, 256)]
    assert pictures_of(again)[0].tobytes() == pictures_of(enlarged)[0].tobytes()
    assert again.structured_content["receipt"] == enlarged.structured_content["receipt"]
    names = [each["id"] for each in models.structured_content["models"]]
    assert {"sketchbook", UPSCALER} == set(names)


@pytest.mark.parametrize("mode", ERAS)
def test_a_client_that_cancels_its_call_cancels_the_job(agent, mode):
    job = []

    async def conversation(client):
        with anyio.CancelScope() as scope:

            async def report(progress, total, message):
                if progress:
                    scope.cancel()
                else:
                    job.append(message.split()[1])

            await client.call_tool("generate", LONG, progress_callback=report)
        return await client.call_tool("status", {"job": job[0], "wait_seconds": 60})

    ended = agent(conversation, mode=mode)

    assert not ended.is_error, text_of(ended)
    assert ended.structured_content["status"] == "canceled"


def test_a_closed_call_with_a_key_cancels_nothing(agent):
    """Another call that waits for the same job gets it, and so does a later one."""
    wish = {**QUICK, "num_inference_steps": 60, "idempotency_key": "shared"}
    results = []

    async def conversation(client):
        with anyio.CancelScope() as scope:

            async def report(progress, total, message):
                if progress:
                    scope.cancel()

            async with anyio.create_task_group() as others:

                async def wait():
                    with anyio.CancelScope(shield=True):
                        results.append(await client.call_tool("generate", wish))

                others.start_soon(wait)
                await client.call_tool("generate", wish, progress_callback=report)
        assert scope.cancelled_caught
        results.append(await client.call_tool("generate", wish))

    agent(conversation)

    waiting, later = results
    assert not waiting.is_error, text_of(waiting)
    assert waiting.structured_content["status"] == "succeeded"
    assert len(pictures_of(waiting)) == len(pictures_of(later)) == 1
    assert waiting.structured_content["id"] == later.structured_content["id"]


def test_a_client_that_disconnects_loses_nothing(site, secret, agent):
    """Before 2026 a lost connection cancels nothing."""
    headers = {
        "Authorization": f"Bearer {secret}",
        "Accept": "application/json, text/event-stream",
    }
    wish = {**QUICK, "num_inference_steps": 20, "idempotency_key": "once"}
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "generate", "arguments": wish, "_meta": {"progressToken": 1}},
    }
    with httpx2.stream("POST", f"{site.url}/mcp", json=message, headers=headers) as broken:
        first = next(line for line in broken.iter_lines() if line.startswith("data: {"))
    job = json.loads(first.removeprefix("data: "))["params"]["message"].split()[1]

    async def conversation(client):
        found = await client.call_tool("status", {"job": job, "wait_seconds": 60})
        again = await client.call_tool("generate", wish)
        return found, again

    found, again = agent(conversation)

    assert found.structured_content["status"] == "succeeded"
    assert again.structured_content["id"] == job
    assert len(pictures_of(found)) == len(pictures_of(again)) == 1


def test_what_is_wrong_with_a_call_is_for_the_model_to_read(agent):
    async def conversation(client):
        return await client.call_tool("generate", {**QUICK, "width": 100})

    refused = agent(conversation)

    assert code_of(refused) == "invalid"
    assert "width" in refused.structured_content["error"]["errors"]
