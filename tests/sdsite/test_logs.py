import json
import logging
import logging.config

import pytest
import structlog

from sdsite import logs


@pytest.fixture
def handler():
    """A handler that formats as in production."""
    config = logs.config(level="INFO", readable=False)
    formatter = config["formatters"]["structured"]
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=formatter["processors"], foreign_pre_chain=formatter["foreign_pre_chain"]
        )
    )
    return handler


def record(**fields):
    return logging.LogRecord(
        "billing", logging.WARNING, __file__, 1, "held %d", (5,), None, **fields
    )


def test_a_line_is_one_json_object(handler):
    line = json.loads(handler.format(record()))

    assert line["event"] == "held 5"
    assert (line["logger"], line["level"]) == ("billing", "warning")
    assert line["timestamp"].endswith("Z")


def test_every_line_carries_what_is_bound(handler):
    with structlog.contextvars.bound_contextvars(job="4f1c", request_id="77"):
        line = json.loads(handler.format(record()))

    assert (line["job"], line["request_id"]) == ("4f1c", "77")


def test_an_exception_stays_on_its_line(handler):
    try:
        raise ValueError("no such picture")
    except ValueError as error:
        failed = record()
        failed.exc_info = (type(error), error, error.__traceback__)

    line = json.loads(handler.format(failed))

    assert line["exception"][0]["exc_value"] == "no such picture"


def test_local_variables_stay_out_of_the_logs(handler):
    try:
        password = "hunter2"  # noqa: F841
        raise ValueError("refused")
    except ValueError as error:
        failed = record()
        failed.exc_info = (type(error), error, error.__traceback__)

    assert "hunter2" not in handler.format(failed)
