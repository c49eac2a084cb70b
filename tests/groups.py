"""Groups of tests that one of several processes takes as a whole, since they share what is costly."""

from xdist.scheduler import LoadScopeScheduling

# Its tests share a site and a browser, which take a minute to start.
BROWSER = "tests/browser"


def group_of(nodeid: str) -> str:
    """The group of a test: the browser's, or its module."""
    module = nodeid.partition("::")[0]
    return BROWSER if module.startswith(f"{BROWSER}/") else module


class GroupScheduling(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
