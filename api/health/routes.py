"""Health over HTTP."""

import asyncio

import structlog
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.db import SessionDep
from api.errors import Problem
from api.health.checks import PARTS
from api.health.metrics import OUTBOX_BACKLOG, REGISTRY, UNSENT
from api.outbox.delivery import backlog
from api.outbox.sending import failing

router = APIRouter(tags=["健康"])
log = structlog.get_logger(__name__)


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """进程活着。"""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz() -> dict[str, object]:
    """各部分都就绪才是 200；否则 503，写明是哪一部分。"""
    results = await asyncio.gather(*(check() for _name, check in PARTS.values()), return_exceptions=True)
    failed = {key: result for key, result in zip(PARTS, results, strict=True) if isinstance(result, BaseException)}
    parts = {key: "down" if key in failed else "ok" for key in PARTS}
    _tell({key: type(error).__name__ for key, error in failed.items()})
    if failed:
        names = "、".join(f"{PARTS[key][0]}（{key}）" for key in failed)
        raise Problem(503, f"还没有就绪：{names}", parts=parts, failed=list(failed))
    return {"status": "ok", "parts": parts}


_told: dict[str, str] = {}


def _tell(failed: dict[str, str]) -> None:
    """Logs what has failed since the last probe, and what came back: a probe comes every few seconds."""
    if failed != _told:
        _told.clear()
        _told.update(failed)
        log.warning("not ready", parts=failed) if failed else log.info("ready again")


@router.get("/metrics")
def metrics(db: SessionDep) -> Response:
    """Prometheus 指标。"""
    OUTBOX_BACKLOG.set(backlog(db))
    for name, count in failing(db).items():
        UNSENT.labels(name).set(count)
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
