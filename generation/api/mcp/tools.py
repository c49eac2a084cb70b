"""MCP's tools: each checks the key's scope, calls the same verbs as the other formats, and returns a result."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import anyio
from mcp_types import CallToolResult

from accounts.models import ApiKey, Scope
from generation import jobs
from generation.api import build_request, errors, orders, wait
from generation.api.auth import ApiCall
from generation.api.idempotency import Idempotency, digest_of, find_jobs
from generation.api.mcp import parsing, schemas, serializers
from generation.api.mcp.schemas import Arguments
from generation.api.native import serializers as native
from generation.api.native.schemas import CheckpointShown
from generation.api.threads import in_thread
from generation.models import Job

NEWEST = 10


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A tool's call: its key, and what the protocol offers while it runs."""

    call: ApiCall
    # Takes a step, the number of steps, and a text.
    report: Callable[[float, float, str], Awaitable[None]]
    # Blocks. Notes the job, so that the client can cancel it by message.
    note_job: Callable[[Job], None]
    # True once the client has canceled the call by closing the connection.
    is_canceled: Callable[[], bool]

    @property
    def key(self) -> ApiKey:
        return self.call.key


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool; its docstring is the description that models read."""

    arguments: type[Arguments]
    scope: Scope
    title: str
    run: Callable[[Exchange, Any], Awaitable[CallToolResult]]
    spends: bool = False

    @property
    def description(self) -> str:
        return " ".join((self.run.__doc__ or "").split())


async def generate(exchange: Exchange, arguments: schemas.Generate) -> CallToolResult:
    """Make pictures from a prompt. This costs credits or GPU time: ask `quote` for the price first.

    The result has the pictures with links, the quote and the receipt. If it takes longer than
    `wait_seconds`, the result names the job: call `status` with it.
    """
    return await _make(exchange, "generate", arguments)


async def edit(exchange: Exchange, arguments: schemas.Edit) -> CallToolResult:
    """Change a picture by a prompt: all of it, or with `mask` its white areas, or with `left`, `top`,
    `right` and `bottom` beyond its edges. This costs credits or GPU time: ask `quote` first."""
    return await _make(exchange, "edit", arguments)


async def upscale(exchange: Exchange, arguments: schemas.Upscale) -> CallToolResult:
    """Make a picture four times as wide and high. The prompt says what is on it.

    This needs an upscaler among the models, and costs credits or GPU time: ask `quote` first.
    """
    return await _make(exchange, "upscale", arguments)


async def quote(exchange: Exchange, arguments: schemas.Quote) -> CallToolResult:
    """The most that a call of `generate`, `edit` or `upscale` with these arguments can cost.

    Nothing is spent or put on hold.
    """

    def quoted() -> dict[str, Any]:
        request = parsing.generation_request(exchange.key, parsing.quoted(arguments))
        return native.quote(exchange.key, request)

    return await in_thread(lambda: serializers.quote(exchange.key, quoted()))()


async def status(exchange: Exchange, arguments: schemas.Status) -> CallToolResult:
    """A job's progress and, once it has ended, its pictures and receipt. Also after a lost connection.

    Without `job`, the key's newest jobs.
    """
    if arguments.job is None:
        return await in_thread(lambda: serializers.data({"jobs": _newest(exchange.key)}))()
    job = await in_thread(_job_of)(exchange, arguments.job)
    if arguments.wait_seconds:
        job = await _until_ended(exchange, job, seconds=arguments.wait_seconds)
    return await in_thread(serializers.job)(exchange.key, job, must_succeed=False)


async def cancel(exchange: Exchange, arguments: schemas.Cancel) -> CallToolResult:
    """Cancel a job. A waiting job costs nothing; a running one stops after its current step and is charged
    for the steps it made. A job that has ended does not change."""

    def canceled() -> CallToolResult:
        jobs.cancel(_job_of(exchange, arguments.job))
        job = _job_of(exchange, arguments.job)
        return serializers.job(exchange.key, job, must_succeed=False)

    return await in_thread(canceled)()


async def balance(exchange: Exchange, arguments: schemas.NoArguments) -> CallToolResult:
    """What can be spent: `credits` in thousandths, `gpu_ms` in milliseconds, and the key's budget in the
    unit that the key pays in."""
    return await in_thread(lambda: serializers.data(native.balance(exchange.key)))()


async def models(exchange: Exchange, arguments: schemas.NoArguments) -> CallToolResult:
    """The models (checkpoints) that this key may use: modes, sizes, defaults, and the price in thousandths
    of a credit for a picture of native size in 30 steps."""

    def shown() -> CallToolResult:
        found = build_request.checkpoints_of(exchange.key)
        shown = [CheckpointShown.from_orm(each).model_dump(mode="json") for each in found]
        return serializers.data({"models": shown})

    return await in_thread(shown)()


async def _make(
    exchange: Exchange, tool: str, arguments: schemas.Generate | schemas.Edit | schemas.Upscale
) -> CallToolResult:
    try:
        job = await in_thread(_place)(exchange, tool, arguments)
        steps = job.generation_request.evaluations
        await exchange.report(0, steps, f"Job {job.pk} is queued.")
        job = await _until_ended(exchange, job, seconds=arguments.wait_seconds)
    except asyncio.CancelledError:
        # With a key, the client can come back for the job, or another call may wait for it.
        if exchange.is_canceled() and not arguments.idempotency_key:
            with anyio.CancelScope(shield=True):
                await in_thread(_cancel_placed)(exchange)
        raise
    return await in_thread(serializers.job)(exchange.key, job, must_succeed=True)


def _cancel_placed(exchange: Exchange) -> None:
    """Cancel the call's job. In the request's thread, where it comes after the job's placing."""
    if exchange.call.job is not None:
        jobs.cancel(exchange.call.job)


def _place(
    exchange: Exchange, tool: str, arguments: schemas.Generate | schemas.Edit | schemas.Upscale
) -> Job:
    sent = {"tool": tool, **parsing.settings_of(arguments)}
    idempotency = Idempotency(token=arguments.idempotency_key, digest=digest_of(sent))
    if known := find_jobs(exchange.key, idempotency):
        job = known[0]
    else:
        request = parsing.generation_request(exchange.key, arguments)
        job, _is_new = orders.place(exchange.key, request, idempotency)
    exchange.call.job = job
    exchange.note_job(job)
    return job


async def _until_ended(exchange: Exchange, job: Job, *, seconds: int) -> Job:
    """Wait for the job, and report its steps; protocols want each report to be of more than the last."""
    done = 0

    async def report(progress: Mapping[str, Any]) -> None:
        nonlocal done
        if progress["step"] > done:
            done = progress["step"]
            await exchange.report(done, progress["steps"], progress["phase"])

    return await wait.until_ended(job, seconds=seconds, on_progress=report)


def _job_of(exchange: Exchange, id: UUID) -> Job:
    """The key's job with this id. Raises ApiError."""
    job = Job.objects.filter(api_key=exchange.key).select_related("user").filter(pk=id).first()
    if job is None:
        raise errors.not_found()
    exchange.call.job = job
    return job


def _newest(key: ApiKey) -> list[dict[str, Any]]:
    found = Job.objects.filter(api_key=key).prefetch_related("images")
    return [native.listed(job) for job in found.order_by("-created_at", "-id")[:NEWEST]]


TOOLS: Mapping[str, Tool] = {
    "quote": Tool(arguments=schemas.Quote, scope=Scope.READ, title="Quote a price", run=quote),
    "generate": Tool(
        arguments=schemas.Generate,
        scope=Scope.GENERATE,
        title="Generate pictures",
        run=generate,
        spends=True,
    ),
    "edit": Tool(
        arguments=schemas.Edit,
        scope=Scope.GENERATE,
        title="Edit a picture",
        run=edit,
        spends=True,
    ),
    "upscale": Tool(
        arguments=schemas.Upscale,
        scope=Scope.GENERATE,
        title="Upscale a picture",
        run=upscale,
        spends=True,
    ),
    "status": Tool(arguments=schemas.Status, scope=Scope.READ, title="Look at a job", run=status),
    "cancel": Tool(
        arguments=schemas.Cancel, scope=Scope.GENERATE, title="Cancel a job", run=cancel
    ),
    "balance": Tool(
        arguments=schemas.NoArguments, scope=Scope.ACCOUNT, title="Show the balance", run=balance
    ),
    "models": Tool(
        arguments=schemas.NoArguments, scope=Scope.READ, title="List the models", run=models
    ),
}
