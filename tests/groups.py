"""Groups of tests that one of several processes takes as a whole, since they share what is costly."""

from xdist.scheduler import LoadScopeScheduling

# Its tests share a site and a browser, which take a minute to start.
BROWSER = "tests/browser"
# Not slow one by one, but its modules have the most to compute.
ENGINE = "tests/engine/"
# Its tests with programs share a site.
API = "tests/generation/api"
MODULES_OF_API = frozenset(
    {
        f"{API}/automatic1111/test_upscaling.py",
        f"{API}/mcp/test_live.py",
        f"{API}/test_clients.py",
    }
)


def group_of(nodeid: str) -> str:
    """The group of a test: the browser's, that of the API's site, or its module."""
    module = nodeid.partition("::")[0]
    if module.startswith(f"{BROWSER}/"):
        return BROWSER
    return API if module in MODULES_OF_API else module


class GroupScheduling(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
