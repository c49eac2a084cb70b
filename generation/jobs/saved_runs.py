"""States of running and paused jobs, from which they go on: the bytes of a saved run, in Valkey.

A lost state only means that a job starts over, at the cost of the house. So states expire, and the oldest make room
for new ones. Writers are fenced by the number of their attempt: a worker that lost its job overwrites nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from django.conf import settings

from generation.engine.charges import Charge
from generation.live.messages import may_be_lost
from generation.models import Job
from generation.queue import valkey

EXPIRY_SECONDS = 3_600
# Sixteen large images with all that UniPC keeps take less. A run that has more starts over.
MOST_BYTES = 2**26
# Keys of jobs by the time of their last state, and the bytes of each; the field "" has the sum.
_AGES, _SIZES = "saved_runs:ages", "saved_runs:sizes"
# Keys: the job's, _AGES, _SIZES.
_DROP = """
local function drop(key)
  local size = tonumber(redis.call('HGET', KEYS[3], key) or 0)
  if size > 0 then redis.call('HINCRBY', KEYS[3], '', -size) end
  redis.call('HDEL', KEYS[3], key)
  redis.call('ZREM', KEYS[2], key)
  redis.call('UNLINK', key)
end
"""
# Arguments: an attempt beyond all, so that nobody keeps anything afterwards, and the expiry in seconds.
_FORGET = f"""{_DROP}
drop(KEYS[1])
redis.call('HSET', KEYS[1], 'attempt', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
"""
_BEYOND_ALL = 2**31
# Arguments: attempt, expiry in seconds. The attempt has made no progress yet.
_TAKE = """
local step = redis.call('HGET', KEYS[1], 'step') or 0
redis.call('HSET', KEYS[1], 'attempt', ARGV[1], 'began', step)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return redis.call('HGET', KEYS[1], 'state')
"""
# Arguments: attempt, step, the step with which the attempt began, state, most bytes of all states, expiry in seconds,
# charges. Refuses what is older than the state that is there.
_KEEP = f"""{_DROP}
local attempt, size, most = tonumber(ARGV[1]), #ARGV[4], tonumber(ARGV[5])
local known = redis.call('HMGET', KEYS[1], 'attempt', 'began', 'step')
local newest, began, step = tonumber(known[1] or 0), known[2], tonumber(known[3] or 0)
if newest > attempt or size > most then return 0 end
if newest == attempt and began == ARGV[3] and step > tonumber(ARGV[2]) then return 0 end
local now, expiry = tonumber(redis.call('TIME')[1]), tonumber(ARGV[6])
drop(KEYS[1])
for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - expiry)) do drop(key) end
while tonumber(redis.call('HGET', KEYS[3], '') or 0) + size > most do
  local oldest = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
  if not oldest then
    redis.call('DEL', KEYS[3])
    break
  end
  drop(oldest)
end
redis.call('HSET', KEYS[1], 'attempt', attempt, 'step', ARGV[2], 'began', ARGV[3], 'state', ARGV[4], 'charges', ARGV[7])
redis.call('EXPIRE', KEYS[1], expiry)
redis.call('ZADD', KEYS[2], now, KEYS[1])
redis.call('HSET', KEYS[3], KEYS[1], size)
redis.call('HINCRBY', KEYS[3], '', size)
return 1
"""


@dataclass(frozen=True, kw_only=True)
class SavedState:
    """A job's state after `step` forward passes, with all its charges so far.

    `began` is the step with which its attempt began.
    """

    step: int
    began: int
    content: bytes
    charges: Sequence[Charge] = ()


def keep(job: Job, state: SavedState) -> bool:
    """Keep the state of this attempt of the job; False if it is too large, or a later attempt has one.

    Raises redis.RedisError.
    """
    if len(state.content) > MOST_BYTES:
        return False
    arguments = (
        job.attempt,
        state.step,
        state.began,
        state.content,
        settings.SAVED_RUNS_BYTES,
        EXPIRY_SECONDS,
        json.dumps([asdict(charge) for charge in state.charges]),
    )
    return bool(valkey.client().eval(_KEEP, 3, _key(job.pk), _AGES, _SIZES, *arguments))


def take(job: Job) -> bytes | None:
    """The state that this attempt goes on from, or None. Earlier attempts keep nothing from now on."""
    found: list[bytes | None] = []
    with may_be_lost():
        found.append(valkey.client().eval(_TAKE, 1, _key(job.pk), job.attempt, EXPIRY_SECONDS))
    return found[0] if found else None


def progress_of(job: Job) -> int:
    """The last step of the state of the job's present attempt; 0 if it has none beyond where it began."""
    found: Sequence[bytes | str | None] = ()
    with may_be_lost():
        found = valkey.client().hmget(_key(job.pk), ["attempt", "step", "began"])
    numbers = [int(each) for each in found if each is not None]
    if len(numbers) < 3:
        return 0
    attempt, step, began = numbers
    return step if attempt == job.attempt and step > began else 0


def forget(job_id: UUID) -> None:
    """Delete the state of a job that has ended. What a worker still sends of it is refused."""
    with may_be_lost():
        valkey.client().eval(_FORGET, 3, _key(job_id), _AGES, _SIZES, _BEYOND_ALL, EXPIRY_SECONDS)


def charges_of(job: Job) -> list[Charge]:
    """The charges in the job's state; none if it has no state."""
    found: list[bytes | str | None] = []
    with may_be_lost():
        found.append(valkey.client().hget(_key(job.pk), "charges"))
    return [Charge(**charge) for content in found if content for charge in json.loads(content)]


def _key(job_id: UUID) -> str:
    return f"saved_run:{job_id}"
