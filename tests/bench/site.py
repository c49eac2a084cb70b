"""The whole site, started once for all figures, with users who have signed up."""

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from generation.engine.request import GenerationRequest
from tests.bench.browser import NoAnswer
from tests.bench.people import Person, Wait
from tests.bench.wishes import wish
from tests.running import Site

USERS = 8

# The caller closes it in the end: the site's threads would keep the process from exiting.
session = ExitStack()


@cache
def running_site() -> Site:
    """A site of `manage.py up`, started at the first call."""
    site = Site(data_folder(), threads=None)
    try:
        return session.enter_context(site)
    except AssertionError as error:
        raise NoAnswer(site, "it is not ready") from error


@cache
def data_folder() -> Path:
    """Return the running site's data folder."""
    folder = Path(tempfile.mkdtemp(prefix="sdsite-bench-"))
    session.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def crowd() -> tuple[Person, ...]:
    """Return as many users as the engine has slots, once the worker has made an image."""
    site = running_site()
    people = tuple(Person(site, f"person-{number}@example.com") for number in range(USERS))
    with people[0].watching():
        people[0].make(wish(0, num_inference_steps=1))
    return people


def stored(job: str) -> bool:
    """Return True once the first image of a job is stored."""
    return any(data_folder().glob(f"media/images/*/*/*/{job}-*-0.png"))


def make_at_once(people: tuple[Person, ...], requests: list[GenerationRequest]) -> list[Wait]:
    """Let each person ask for one of the pictures, all at the same moment, and wait for all."""
    with ExitStack() as pages, ThreadPoolExecutor(len(people)) as threads:
        for person in people:
            pages.enter_context(person.watching())
        return list(
            threads.map(lambda each: each[0].make(each[1]), zip(people, requests, strict=True))
        )
