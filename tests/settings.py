"""The site's settings on servers and folders of this test session's own.

The servers start here because Django's settings are read before any fixture runs. What the tests start
as processes inherits the environment, and so works on the session's test database. Where tests run in
several processes, each has servers of its own.
"""

import atexit
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from sdsite import embedded

session = ExitStack()
atexit.register(session.close)

data = Path(tempfile.mkdtemp(prefix="sdsite-tests-"))
session.callback(shutil.rmtree, data, ignore_errors=True)

is_one_of_several = "PYTEST_XDIST_WORKER" in os.environ
has_own_postgres = is_one_of_several or "DATABASE_URL" not in os.environ
if has_own_postgres:
    postgres = embedded.postgres(data / "postgres", durable=False)
    os.environ["DATABASE_URL"] = session.enter_context(postgres).url
if is_one_of_several or "REDIS_URL" not in os.environ:
    os.environ["REDIS_URL"] = session.enter_context(embedded.valkey(data / "valkey.log")).url

url = urlsplit(os.environ["DATABASE_URL"])
os.environ.update(
    DATABASE_URL=url._replace(path=f"/test_{url.path.removeprefix('/')}").geturl(),
    DATA_DIR=str(data),
    DJANGO_SETTINGS_MODULE="sdsite.settings",
    GITHUB_CLIENT_ID="github-id",
    GITHUB_CLIENT_SECRET="github-secret",
    GOOGLE_CLIENT_ID="google-id",
    GOOGLE_CLIENT_SECRET="google-secret",
    HTTPS="0",
    OIDC_CLIENT_ID="oidc-id",
    OIDC_CLIENT_SECRET="oidc-secret",
    OIDC_NAME="Example ID",
    OIDC_SERVER_URL="https://id.example.com",
    # Several processes share the cores already: threads that wait for each other would only be in their way.
    OMP_NUM_THREADS="1",
    SECRET_KEY="tests",
)

from sdsite.settings import *  # noqa: E402, F403
from sdsite.settings import DATABASES, STATIC_ROOT, STORAGES  # noqa: E402

site = DATABASES["default"]
# On a busy machine, threads that race for connections and locks wait for longer than requests should, and
# a test that is one transaction thinks for longer between two queries.
LIMITS = ("idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout")
patient = {
    **site["OPTIONS"],
    "options": " ".join(f"-c {limit}=60s" for limit in LIMITS),
    "pool": {**site["OPTIONS"]["pool"], "timeout": 60},
}
DATABASES = {"default": {**site, "TEST": {"NAME": site["NAME"]}, "OPTIONS": patient}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
STATIC_ROOT.mkdir(parents=True)
# A worker in the tests' process leaves lapsed leases to the tests.
WORKER_REAP_SECONDS = 86_400
