"""The client of Valkey for what jobs and workers leave there."""

import functools

import redis
from django.conf import settings


@functools.cache
def client() -> "redis.Redis":
    """A pool of connections, shared by all threads of this process."""
    return redis.Redis.from_url(settings.REDIS_URL, **settings.REDIS_OPTIONS)
