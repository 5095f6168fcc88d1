"""The worker as a process of its own: real Redis, real huey consumer."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import select

from api import worker
from api.accounts.deps import SYSTEM
from api.cases.filing import Filing, file_case
from api.chat.models import ChatSession, Draft
from api.notices.models import Notice
from api.outbox.models import COMMIT_HOOKS, OutboxEvent, emit
from api.triage.service import get_places

CONSUMER = str(Path(sys.executable).parent / "huey_consumer")


def wait_for(condition, seconds: float = 90.0):
    """Returns the first true value of ``condition``; fails when none comes in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.2)
    pytest.fail("it did not happen in time")


@pytest.fixture
def consumer(database_url):
    """Starts ``huey_consumer api.worker.huey`` and ends it."""
    environment = os.environ | {"LAOXIAN_DATABASE_URL": database_url}
    process = subprocess.Popen([CONSUMER, "api.worker.huey", "-w", "2"], env=environment)
    yield process
    process.terminate()
    process.wait(20)


@pytest.fixture
def hurried():
    """The API process's hook that hurries the worker at each commit."""
    COMMIT_HOOKS.append(worker.hurry)
    yield
    COMMIT_HOOKS.remove(worker.hurry)


@pytest.mark.slow
def test_it_waits_for_redis_then_beats_delivers_and_files(sessions, consumer, clock, fixed, hurried, request):
    # Redis is down when the worker starts, and when the first event is committed.
    with sessions() as db:
        fixed.urgency = "特急"
        filing = Filing("燃气泄漏", "中韩社区", None, None, True, "web", None)
        file_case(db, filing, fixed, get_places(), clock.now, SYSTEM)
        db.commit()
    time.sleep(5)
    assert consumer.poll() is None, "the worker must outlive a Redis that is not there yet"
    redis = Redis.from_url(request.getfixturevalue("redis_server"))
    redis.flushall()
    wait_for(lambda: redis.exists(worker.HEARTBEAT))

    # A commit hurries it: no waiting for the sweep of the next minute. It also finds what was left behind.
    with sessions() as db:
        emit(db, "chat.person_wanted", {"session_id": "s"})
        db.commit()

    def titles():
        with sessions() as db:
            return set(db.scalars(select(Notice.subject)))

    assert len(wait_for(lambda: len(titles()) == 2 and titles(), 20)) == 2

    # A draft that tells of danger, its resident silent for long: the sweep files it.
    with sessions() as db:
        long_ago = clock.now.replace(year=2026, month=1)
        db.add(ChatSession(id="s", token_hash="t", draft_id="d", created_at=long_ago, last_seen_at=long_ago))
        db.flush()
        db.add(Draft(id="d", session_id="s", emergency_at=long_ago, last_message_at=long_ago, created_at=long_ago))
        db.commit()

    def filed():
        with sessions() as db:
            return db.get_one(Draft, "d").case_no

    assert wait_for(filed).startswith("LX")

    def backlog():
        with sessions() as db:
            return db.scalars(select(OutboxEvent.id).where(OutboxEvent.delivered_at.is_(None))).all()

    wait_for(lambda: not backlog())


def test_without_redis_a_commit_still_succeeds(sessions, hurried):
    with sessions() as db:
        emit(db, "case.card", {})
        db.commit()
    with sessions() as db:
        assert db.scalar(select(OutboxEvent.delivered_at)) is None
