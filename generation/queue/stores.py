"""Model stores of workers: the checkpoints that a job needs, and the workers that have them."""

from collections.abc import Collection, Iterable
from functools import reduce
from operator import or_

import redis
from django.db.models import Q

from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.models import Job
from generation.queue import heartbeats
from generation.queue.heartbeats import Heartbeat

# Waiting jobs that a worker without their checkpoints looks at before it passes a bell on.
MOST_LOOKED_AT = 20


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


def within_any(alive: Collection[Heartbeat]) -> Q:
    """The condition of jobs that a live worker has everything for; without live workers, of all jobs."""
    if any(heartbeat.checkpoints is None for heartbeat in alive):
        return Q()
    conditions = [within(store) for store in {each.checkpoints for each in alive} if store]
    # An empty list is a condition that no job meets.
    return reduce(or_, conditions, Q(pk__in=[])) if alive else Q()


def wanted_elsewhere(store: Collection[str], *, worker: str) -> bool:
    """True if a job waits for more than `store`, and another worker with a free slot has it.

    Never fails for lack of Valkey. Raises DatabaseError.
    """
    queued = Job.objects.queued()
    waiting = queued.exclude(pk__in=queued.filter(within(store)).values("pk"))
    # The first few will do: the worker that is rung for them claims the others, too.
    needed = [needs(job) for job in waiting.order_by("rank")[:MOST_LOOKED_AT]]
    if not needed:
        return False
    others = [each for each in alive_if_known() if each.worker != worker and each.free_slots > 0]
    return any(all(map(other.has, ids)) for other in others for ids in needed)


def everywhere_missing(ids: Iterable[str], alive: Collection[Heartbeat]) -> frozenset[str]:
    """The checkpoints among `ids` that no live worker has; none if no worker is alive."""
    if not alive:
        return frozenset()
    return frozenset(id for id in ids if not any(heartbeat.has(id) for heartbeat in alive))


def nobody_has(job: Job, alive: Collection[Heartbeat]) -> bool:
    """True if workers are alive, and none has everything that the job needs."""
    return bool(alive) and all(lacks(each, job) for each in alive)


def lacks(heartbeat: Heartbeat, job: Job) -> bool:
    """True if the worker has not everything that the job needs."""
    return not all(map(heartbeat.has, needs(job)))


def alive_if_known() -> list[Heartbeat]:
    """The live workers. Never fails: without Valkey there are none."""
    try:
        return heartbeats.alive()
    except (redis.RedisError, OSError):
        return []


def _refiner_of(id: str) -> str:
    checkpoint = CHECKPOINTS.get(id)
    return checkpoint.refiner if checkpoint else ""
