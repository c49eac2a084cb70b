"""Fixtures of every test: real servers (see `settings`), and a database that may be emptied."""

import gc
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import pytest
from django.core.cache import cache
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client
from django.utils import translation
from xdist.remote import Producer

from accounts.models import User
from tests import factories
from tests.data_folders import (  # noqa: F401  # fixtures for every test
    empty_data_folder,
    migrated,
    new_data_folder,
)
from tests.groups import BROWSER, ENGINE, GroupScheduling, group_of


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a skipped test as failed on CI, unless it needs a GPU."""
    report = yield
    expected = hasattr(report, "wasxfail") or item.get_closest_marker("gpu")
    if report.skipped and os.environ.get("CI") and not expected:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped: {report.longrepr}"
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> GroupScheduling:
    return GroupScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with what takes long, so that processes which share the tests end at about the same time."""
    groups = [group_of(item.nodeid) for item in items]
    slow = {
        group for group, item in zip(groups, items, strict=True) if item.get_closest_marker("slow")
    }
    # Random among equals, each group in one piece.
    ranks = {group: rank for rank, group in enumerate(dict.fromkeys(groups))}
    items.sort(key=lambda item: _turn(group_of(item.nodeid), slow, ranks))


def _turn(
    group: str, slow: AbstractSet[str], ranks: Mapping[str, int]
) -> tuple[bool, bool, bool, int]:
    return group != BROWSER, group not in slow, not group.startswith(ENGINE), ranks[group]


def pytest_unconfigure() -> None:
    """End the servers, also in a process that ends without Python's own farewell."""
    from tests import settings  # noqa: PLC0415  # app registry: it starts the servers

    settings.session.close()


@pytest.fixture(scope="session")
def django_db_modify_db_settings_xdist_suffix() -> None:
    """The databases of several processes need no names of their own: they are on different servers."""


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest) -> bool:
    """A server of the session's own ends with its database: dropping that first only takes time."""
    from tests import settings  # noqa: PLC0415  # app registry: it starts the servers

    return settings.has_own_postgres or bool(request.config.getvalue("reuse_db"))


@pytest.fixture(scope="session", autouse=True)
def _flush_may_truncate() -> Iterator[None]:
    """Entries refuse to be truncated; emptying the tables between two tests is the exception."""
    execute = DatabaseOperations.execute_sql_flush

    def execute_allowed(operations: DatabaseOperations, statements: Sequence[str]) -> None:
        execute(operations, ["SET LOCAL sdsite.allow_flush = 'on'", *statements])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "execute_sql_flush", execute_allowed)
        yield


@pytest.fixture(scope="module", autouse=True)
def _freeze() -> None:
    """Hide what stays for good from the garbage collector: every load of a checkpoint has it run.

    Beside all tests and libraries it looks at millions of objects, which takes longer than a small load.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """Rate limits are kept in the cache: one test's sign-ins must not count against the next."""
    cache.clear()


@pytest.fixture(autouse=True)
def _no_language() -> None:
    """A request's language stays with the thread that served it: it must not become the next test's."""
    translation.deactivate()


@pytest.fixture
def alice(db: None) -> User:
    return factories.alice()


@pytest.fixture
def bob(db: None) -> User:
    return factories.bob()


@pytest.fixture
def charlie(db: None) -> User:
    return factories.charlie()


@pytest.fixture
def root(client: Client) -> User:
    """A superuser, signed in to the admin."""
    root = factories.make_user("root@example.com", is_staff=True, is_superuser=True)
    client.force_login(root)
    return root
