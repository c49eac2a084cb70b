import os
from contextlib import ExitStack

import pytest

from tests.running import Site


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/faults" in item.path.as_posix():
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def start_site(transactional_db, tmp_path_factory):
    """Starts the site on the test session's database, and ends it before that is emptied."""
    running = ExitStack()

    def start_site(**env):
        data = tmp_path_factory.mktemp("site")
        env = {
            "DATABASE_URL": os.environ["DATABASE_URL"],
            "REDIS_URL": os.environ["REDIS_URL"],
            "SECRET_KEY": os.environ["SECRET_KEY"],
            **env,
        }
        return running.enter_context(Site(data, **env))

    with running:
        yield start_site
