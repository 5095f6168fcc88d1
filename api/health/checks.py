"""The parts that have to work before the service is ready."""

from collections.abc import Awaitable, Callable

import httpx
from fastapi.concurrency import run_in_threadpool
from redis import Redis
from sqlalchemy import text

from api.db import get_engine
from api.settings import get_settings
from api.triage.service import get_places, get_triager
from api.worker import HEARTBEAT, huey

TIMEOUT_SECONDS = 3.0


class NotReady(Exception):
    """A part does not work; the message is shown to whoever runs the service."""


def _database() -> None:
    with get_engine().connect() as connection:
        connection.execute(text("SELECT 1 FROM cases WHERE 1 = 0"))


def _redis() -> Redis:
    return Redis(connection_pool=huey.storage.pool)


def _ping() -> None:
    _redis().ping()


def _worker() -> None:
    if not _redis().exists(HEARTBEAT):
        raise NotReady("没有心跳")


def _model() -> None:
    get_triager()
    get_places()


async def _get(url: str) -> None:
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        (await client.get(url)).raise_for_status()


async def _bot() -> None:
    await _get(f"{get_settings().bot_url}/webhooks/laoxian/")


async def _actions() -> None:
    await _get(f"{get_settings().actions_url}/health")


def _threaded(check: Callable[[], object]) -> Callable[[], Awaitable[object]]:
    return lambda: run_in_threadpool(check)


# key → (what people call it, check); a check that raises means that the part is not ready.
PARTS: dict[str, tuple[str, Callable[[], Awaitable[object]]]] = {
    "database": ("数据库", _threaded(_database)),
    "redis": ("Redis", _threaded(_ping)),
    "bot": ("对话机器人", _bot),
    "actions": ("动作服务", _actions),
    "model": ("分拣模型", _threaded(_model)),
    "worker": ("后台任务", _threaded(_worker)),
}
