"""Log lines as production writes them, for requests whose links are worth something."""

import io
import json
import logging
import subprocess
import sys
import uuid

import pytest
import structlog
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from celery import Celery
from django.test import Client
from django.urls import reverse

from generation.gallery import shares
from generation.images import storage
from sdsite import log_cleaning, logs
from sdsite.processes import PROJECT
from tests.generation.rows import make_image, make_job
from tests.test_privacy import NOT_OWNED

TOKEN = "Zq3v9Xw2Lk8Rb5Tn7Yc1Hd4Js6Mf0Gp-aUeIoS_dKlB"
SIGNATURE = "1vPq9d:8u0h7lE2mR4yTzqWcVbNnA1sDfGhJkL5pOiU"
UVICORN = """
import logging.config, uvicorn.config
from sdsite import logs
logging.config.dictConfig(uvicorn.config.LOGGING_CONFIG)
logging.config.dictConfig(logs.config(level="INFO", readable=False))
logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", "{path}", "1.1", 200)
logging.getLogger("uvicorn.error").warning('%s - "WebSocket %s" 403', "127.0.0.1:1", "{path}")
"""
CELERY = """
import logging
from sdsite.celery import app
app.log.setup(loglevel="INFO")
loggers = [logging.getLogger(name) for name in ("", "celery", "celery.task")]
print([each for logger in loggers for each in logger.handlers if type(each) is not logging.NullHandler])
"""


def formatter(*, readable):
    config = logs.config(level="INFO", readable=readable)["formatters"]["structured"]
    return structlog.stdlib.ProcessorFormatter(
        processors=config["processors"], foreign_pre_chain=config["foreign_pre_chain"]
    )


@pytest.fixture(params=[False, True], ids=["json", "readable"])
def log(request):
    """What all loggers write meanwhile, with DEBUG and without."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter(readable=request.param))
    root = logging.getLogger()
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)


@pytest.mark.parametrize(
    ("line", "cleaned"),
    [
        ("GET /gallery/?q=a+red+house&sort=new", "GET /gallery/?q=[hidden]&sort=[hidden]"),
        ("GET /studio/?a%20red%20house", "GET /studio/?[hidden]"),
        ("GET /gallery/?q=o'brien's \"house", 'GET /gallery/?q=[hidden] "house'),
        (f"Not Found: /s/{TOKEN}/", "Not Found: /s/[hidden]/"),
        (f"Not Found: /wrong/{TOKEN}", "Not Found: /wrong/[hidden]"),
        (f"<ASGIRequest: GET '/s/{TOKEN}/'>", "<ASGIRequest: GET '/s/[hidden]/'>"),
        ("/images/4f1c5b0e-0000-4000-8000-000000000001/", None),
        ("Not Found: /wp-login.php", None),
        (
            "/site/media/images/2026/11/30/4f1c5b0e-0000-4000-8000-000000000001-1-0.png is gone",
            None,
        ),
        ("https://me:secret@example.com/hook", "https://[hidden]@example.com/hook"),
        ("redis://:secret@valkey/0 is away", "redis://[hidden]@valkey/0 is away"),
        (f"https://example.com/hook/{TOKEN}#x", "https://example.com/hook/[hidden]#[hidden]"),
        ("Not Found: /s/aB3dE6gH9k/", "Not Found: /s/[hidden]/"),
        (
            "/callback/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N/",
            "/callback/[hidden]/",
        ),
        ("/models/stable-diffusion-v1-5.safetensors is /media/README.md", None),
        ("example.com?key=secret", "example.com?key=[hidden]"),
        (f"/a/?{TOKEN}{TOKEN}=1&&b", "/a/?[hidden]&[hidden]"),
        ("What? And/or nothing?", None),
        ("held 5", None),
    ],
)
def test_links_open_nothing_and_queries_keep_their_names(line, cleaned):
    assert log_cleaning.text(line) == (cleaned or line)


@pytest.mark.parametrize("number", range(20))
def test_the_forms_of_ids_and_tokens_are_told_apart(number):
    id = uuid.uuid5(uuid.NAMESPACE_URL, str(number))

    assert log_cleaning.text(f"/images/{id}/") == f"/images/{id}/"
    assert log_cleaning.text(f"/images/{id.hex}/") == f"/images/{id.hex}/"
    assert log_cleaning.text(f"/s/{id.hex}{number}/") == "/s/[hidden]/"


def test_what_is_nested_in_a_line_is_cleaned(log):
    url = f"https://example.com/{TOKEN}?key=secret"

    logging.getLogger("shop").warning(
        "sent to %s", url, extra={"data": {"args": [url], url: {url}}}
    )

    assert "shop" in log.getvalue()
    assert TOKEN not in log.getvalue()
    assert "secret" not in log.getvalue()


def test_exceptions_are_cleaned(log):
    try:
        try:
            raise OSError(f"no answer of https://example.com/{TOKEN}")
        except OSError as error:
            raise ValueError("GET /gallery/?q=secret failed") from error
    except ValueError:
        logging.getLogger("shop").exception("a delivery failed")

    assert "ValueError" in log.getvalue()
    assert "no answer of" in log.getvalue()
    assert TOKEN not in log.getvalue()
    assert "secret" not in log.getvalue()


def a_share(owner):
    return [shares.make(make_image(make_job(owner)), shows_prompt=False).token]


def a_reset(owner):
    key = default_token_generator.make_token(owner)
    return [user_pk_to_url_str(owner), key]


# Routes whose address is a secret, and how to come by one.
SECRET = {
    "share": a_share,
    "share_file": a_share,
    "account_reset_password_from_key": a_reset,
}


def test_every_route_with_a_secret_is_looked_at():
    assert SECRET.keys() == {name for name, what in NOT_OWNED.items() if "secret" in str(what)}


@pytest.mark.parametrize("name", SECRET)
@pytest.mark.parametrize("ending", ["", "wrong"], ids=["found", "not found"])
def test_a_secret_address_is_not_in_the_log(log, alice, name, ending):
    secret = SECRET[name](alice)

    Client().get(reverse(name, args=secret) + ending)

    assert "request_finished" in log.getvalue()
    assert secret[-1] not in log.getvalue()


def test_a_signed_link_is_not_in_the_log(log, alice):
    url = storage.signed_url(make_image(make_job(alice)), name="image_file")

    Client().get(url)

    assert url.partition("?")[0] in log.getvalue()
    assert url.partition("=")[2] not in log.getvalue()


def test_a_prompt_in_a_query_is_not_in_the_log(log, alice, client):
    client.force_login(alice)

    client.get(reverse("gallery"), {"q": "lighthouse"})

    assert "request_finished" in log.getvalue()
    assert "q=[hidden]" in log.getvalue()
    assert "lighthouse" not in log.getvalue()


def test_a_refused_form_does_not_tell_its_address(log, db):
    Client(enforce_csrf_checks=True).post(f"/s/{TOKEN}/?q=lighthouse")

    assert "Forbidden" in log.getvalue()
    assert TOKEN not in log.getvalue()
    assert "lighthouse" not in log.getvalue()


def test_a_failed_task_does_not_tell_the_links_it_was_given(log):
    @Celery("tests", set_as_current=False).task(name="tests.fails", shared=False)
    def fails(url):
        raise ValueError(f"no answer of {url}")

    fails.apply([f"https://example.com/{TOKEN}?key=secret"])

    assert "tests.fails" in log.getvalue()
    assert TOKEN not in log.getvalue()
    assert "secret" not in log.getvalue()


def test_uvicorns_own_lines_are_cleaned():
    path = f"/s/{TOKEN}/?signature={SIGNATURE}"

    lines = _run(UVICORN.format(path=path)).splitlines()

    assert [json.loads(line)["logger"] for line in lines] == ["uvicorn.access", "uvicorn.error"]
    assert all("/s/[hidden]/?signature=[hidden]" in line for line in lines)


def test_celery_adds_no_handler_of_its_own():
    assert _run(CELERY).splitlines()[-1] == "[]"


def _run(script):
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return result.stdout + result.stderr


def test_a_long_line_is_cleaned_in_linear_time():
    """Quadratic time would be hours."""
    agent = "a" * 1_000_000

    assert log_cleaning.text(agent) == agent
