import os
from pathlib import Path

import pytest

from tests.running import Site


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/faults" in item.path.as_posix():
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def start_site(transactional_db, tmp_path_factory):
    """Starts the site on the test session's database, and ends it before that is emptied."""
    sites = []

    def start_site(**env):
        data = tmp_path_factory.mktemp("site")
        env = {
            "DATABASE_URL": os.environ["DATABASE_URL"],
            "REDIS_URL": os.environ["REDIS_URL"],
            "SECRET_KEY": os.environ["SECRET_KEY"],
            **env,
        }
        sites.append(Site(data, **env).wait_until_ready())
        sites[-1].data = Path(data)
        return sites[-1]

    yield start_site
    for site in sites:
        site.process.terminate()
        site.ended()
