"""Structured logs: one JSON object a line, with the request's id, without bodies and personal data."""

import logging
import sys
from typing import Any

import structlog
from structlog.types import EventDict

from api.crypto import mask_numbers


def _mask(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A net under everything: no log line carries a phone or identity number, whatever a library puts in it."""
    return {
        key: mask_numbers(value) if isinstance(value, str) and key != "request_id" else value
        for key, value in event.items()
    }


def _where_only(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Keeps type and place of an exception; its message may hold what a resident wrote (SQL parameters do)."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, BaseException):
        error = (type(error), error, error.__traceback__)
    if error and error[0]:
        trace, frames = error[2], []
        while trace:
            frames.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
            trace = trace.tb_next
        event["error"] = error[0].__name__
        event["frames"] = frames[-12:]
    return event


def configure_logging(level: str) -> None:
    """Sends structlog and the standard library's loggers to stdout as JSON.

    Args:
        level: such as ``INFO``.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(allow=[]),
        _where_only,
        _mask,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared[:4], _where_only],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _mask,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "huey", "huey.consumer"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    # The middleware writes its own line for each request; httpx and urllib3 would write the URL of every call.
    for name in ("uvicorn.access", "httpx", "httpcore", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
