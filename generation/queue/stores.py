"""Model stores of workers: the checkpoints that a job needs, and the workers that have them."""

from collections.abc import Collection, Iterable

import redis
from django.db.models import Q

from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.models import Job
from generation.queue import heartbeats
from generation.queue.heartbeats import Heartbeat


def needs(job: Job) -> frozenset[str]:
    """The ids of the checkpoints that the job runs: its own, and a refiner if it asks for one."""
    refiner = _refiner_of(job.checkpoint) if job.request.get("refiner_share") else ""
    return frozenset({job.checkpoint, refiner} - {""})


def within(store: Collection[str]) -> Q:
    """The condition of jobs that need no other checkpoints than those of `store`."""
    alone = [id for id in store if (refiner := _refiner_of(id)) and refiner not in store]
    unrefined = Q(request__refiner_share=0) | Q(request__refiner_share__isnull=True)
    return Q(checkpoint__in=[id for id in store if id not in alone]) | (
        Q(checkpoint__in=alone) & unrefined
    )


def everywhere_missing(ids: Iterable[str], alive: Collection[Heartbeat]) -> frozenset[str]:
    """The checkpoints among `ids` that no live worker has; none if no worker is alive."""
    if not alive:
        return frozenset()
    return frozenset(id for id in ids if not any(heartbeat.has(id) for heartbeat in alive))


def nobody_has(job: Job, alive: Collection[Heartbeat]) -> bool:
    """True if workers are alive, and none has everything that the job needs."""
    needed = needs(job)
    return bool(alive) and not any(all(map(each.has, needed)) for each in alive)


def alive_if_known() -> list[Heartbeat]:
    """The live workers. Never fails: without Valkey there are none."""
    try:
        return heartbeats.alive()
    except (redis.RedisError, OSError):
        return []


def _refiner_of(id: str) -> str:
    checkpoint = CHECKPOINTS.get(id)
    return checkpoint.refiner if checkpoint else ""
