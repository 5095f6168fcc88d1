"""The HTTP service: ``uvicorn --factory api.main:create_app``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, StatementError

import api.accounts.routes
import api.cases.routes
import api.chat.attachment_routes
import api.chat.internal
import api.chat.routes
import api.curation.routes
import api.drift.routes
import api.health.routes
import api.notices.routes
import api.orders.routes
import api.triage.routes
import api.wechat.routes
from api.cases.deadlines import get_deadlines
from api.cases.duplicates import get_duplicates
from api.cases.public_words import warm
from api.cases.workflow import get_workflow
from api.curation.rules import get_curation
from api.drift.rules import get_drift
from api.errors import install_error_handlers, problem_response
from api.health.metrics import CASES_FILED
from api.logs import configure_logging
from api.middleware import RequestMiddleware
from api.orders.rules import get_orders
from api.outbox.models import COMMIT_HOOKS
from api.privacy.retention import get_retention
from api.settings import get_settings
from api.triage.service import get_places, get_taxonomy, get_triager
from api.web import mount_web
from api.wechat.config import wechat_config
from api.wechat.lines import wechat_lines
from api.worker import hurry

ROUTERS = (
    api.accounts.routes.router,
    api.triage.routes.router,
    api.cases.routes.router,
    api.notices.routes.router,
    api.orders.routes.router,
    api.chat.routes.router,
    api.chat.attachment_routes.router,
    api.chat.attachment_routes.staff,
    api.chat.internal.router,
    api.health.routes.router,
    api.wechat.routes.router,
    api.curation.routes.router,
    api.drift.routes.router,
)


def create_app() -> FastAPI:
    """Builds the service.

    Raises:
        SettingsError: a setting is missing.
        RuleError: a rule file is wrong; the message names file and line.
    """
    configure_logging(get_settings().log_level)
    # Rules are read before the first request, so that a mistake in them stops the start.
    get_workflow()
    get_deadlines()
    get_retention()
    get_duplicates()
    get_curation()
    get_drift()
    get_orders()
    get_taxonomy()
    if wechat_config():
        wechat_lines()
    app = FastAPI(title="崂先办", version="1", lifespan=_lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(RequestMiddleware)
    install_error_handlers(app)
    app.add_exception_handler(StatementError, _unstorable)
    app.add_exception_handler(UnicodeEncodeError, _unstorable)
    for router in ROUTERS:
        app.include_router(router)
    if find_spec("api.console"):
        from api.console import mount_console  # noqa: PLC0415  the service runs without the console too

        mount_console(app)
    mount_web(app)
    return app


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    await run_in_threadpool(get_triager)
    await run_in_threadpool(get_places)
    await run_in_threadpool(warm)
    COMMIT_HOOKS.extend((_count, hurry))
    yield
    for hook in (_count, hurry):
        COMMIT_HOOKS.remove(hook)


def _count(emitted: list[tuple[str, dict[str, Any]]]) -> None:
    for topic, payload in emitted:
        if topic == "case.filed":
            CASES_FILED.labels(payload["source"], payload["urgency"]).inc()


async def _unstorable(_request: Request, error: Exception) -> JSONResponse:
    """Answers 422 for text that no database keeps (NUL, lone surrogates); any other failure is the middleware's."""
    reason = error.orig if isinstance(error, StatementError) else error
    if isinstance(error, DataError) or isinstance(reason, UnicodeEncodeError):
        return problem_response(422, "内容里有无法保存的字符，请检查后重新填写")
    raise error
