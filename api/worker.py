"""The worker: ``huey_consumer api.worker.huey``. Deadlines, outbox, silent emergencies, unsent photos, heartbeat."""

# huey's decorators carry no types.
# mypy: disable-error-code="untyped-decorator"

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from huey import RedisExpireHuey, crontab
from redis import ConnectionPool, Redis
from redis.exceptions import RedisError

import api.chat.news
import api.notices.subscribers
import api.outbox.sms
import api.outbox.webhook
import api.wechat.push  # noqa: F401  these register what becomes of an event
from api.accounts.deps import SYSTEM
from api.accounts.logins import forget_logins
from api.accounts.sessions import forget_sessions
from api.cases.cards import close_silent, show_cards
from api.chat.attachments import sweep as sweep_photos
from api.chat.drafts import SILENCE, file_silent_emergencies
from api.columns import utcnow
from api.curation.gather import gather
from api.curation.rules import get_curation
from api.db import session_factory
from api.drift.rules import get_drift
from api.drift.service import alert
from api.logs import configure_logging
from api.orders.reminders import remind_overdue
from api.outbox.delivery import deliver_due, forget_old
from api.outbox.sending import due_count, forget_sent, send_due
from api.privacy.erasure import end_idle_chats, erase_due
from api.privacy.retention import get_retention
from api.settings import get_settings
from api.triage.service import get_places, get_triager
from api.wechat import followers

HEARTBEAT = "laoxian:worker:heartbeat"
# Two missed minutes and a little: the beat is a periodic task, so it proves that scheduler and workers both run.
HEARTBEAT_SECONDS = 150
_RETRY_SECONDS = 2
# A killed worker gives no lock back: without an end its job would never run again.
LOCK_SECONDS = 600

log = structlog.get_logger(__name__)
_pool = ConnectionPool.from_url(
    get_settings().redis_url, socket_connect_timeout=2, socket_timeout=10, health_check_interval=30
)
huey = RedisExpireHuey("laoxian", connection_pool=_pool, read_timeout=1)


def _night(hour: int, minute: int, **days: str) -> Callable[[datetime], bool]:
    """Returns huey's schedule for a time in Shanghai; huey counts in UTC, where it is still the day before."""
    schedule: Callable[[datetime], bool] = crontab(hour=str((hour - 8) % 24), minute=str(minute), **days)
    return schedule


@huey.on_startup()
def start() -> None:
    """Configures the logs and waits for Redis: without it the consumer would die at once."""
    configure_logging(get_settings().log_level)
    while not beat(utcnow()):
        log.warning("redis is not there yet", retry_seconds=_RETRY_SECONDS)
        time.sleep(_RETRY_SECONDS)


def beat(now: datetime) -> bool:
    """Writes the heartbeat; ``False`` when Redis does not answer."""
    try:
        Redis(connection_pool=_pool).set(HEARTBEAT, now.isoformat(), ex=HEARTBEAT_SECONDS)
    except RedisError:
        return False
    return True


@huey.periodic_task(crontab())
def heartbeat() -> None:
    """Each minute: shows that this worker works."""
    beat(utcnow())


@huey.task()
def deliver() -> None:
    """At each commit with an event: delivers at once instead of at the next sweep."""
    _deliver_and_send()


@huey.periodic_task(crontab())
@huey.lock_task("sweep", ttl=LOCK_SECONDS)
def sweep() -> None:
    """Each minute: what no commit hurried along, and what had to wait after a failure."""
    _deliver_and_send()


def _deliver_and_send() -> None:
    deliver_due(session_factory(), utcnow())
    with session_factory()() as db:
        waiting = due_count(db, utcnow())
    if waiting:
        send()


@huey.task()
@huey.lock_task("send", ttl=LOCK_SECONDS)
def send() -> None:
    """After a delivery: takes outside what goes outside. One at a time: others may be slow, and hold one thread."""
    send_due(session_factory(), utcnow)


@huey.periodic_task(crontab())
@huey.lock_task("emergencies", ttl=LOCK_SECONDS)
def emergencies() -> None:
    """Each minute: files the drafts that tell of danger and whose resident has fallen silent."""
    file_silent_emergencies(utcnow(), get_triager(), get_places())


@huey.task()
def file_silent() -> None:
    """The same, at the very moment when a draft just marked may have been silent long enough."""
    file_silent_emergencies(utcnow(), get_triager(), get_places())


@huey.periodic_task(crontab())
@huey.lock_task("deadlines", ttl=LOCK_SECONDS)
def deadlines() -> None:
    """Each minute: yellow and red cards; closes what nobody rated."""
    show_cards(session_factory(), utcnow())
    close_silent(session_factory(), utcnow())


@huey.periodic_task(crontab())
@huey.lock_task("orders", ttl=LOCK_SECONDS)
def orders() -> None:
    """Each minute: reminds of receipts that have become overdue."""
    remind_overdue(session_factory(), utcnow())


@huey.periodic_task(_night(3, 20))
def tidy() -> None:
    """Each night: forgets events delivered long ago."""
    with session_factory()() as db:
        forget_old(db, utcnow())
        forget_sent(db, utcnow())
        followers.forget_old(db, utcnow())
        forget_logins(db, utcnow())
        forget_sessions(db, utcnow())
        db.commit()


@huey.periodic_task(_night(3, 50))
@huey.lock_task("retention", ttl=LOCK_SECONDS)
def retention() -> None:
    """Each night: erases the persons of cases that ended too long ago, ends idle conversations."""
    erased = erase_due(session_factory(), utcnow(), get_retention(), SYSTEM)
    ended = end_idle_chats(session_factory(), utcnow(), get_retention())
    log.info("retention", erased=erased, ended=ended)


@huey.periodic_task(_night(4, 10))
@huey.lock_task("curation", ttl=LOCK_SECONDS)
def curation() -> None:
    """Each night: brings the trainers' queue what is worth a label."""
    log.info("curation", new=gather(session_factory(), get_triager(), get_curation(), utcnow()))


@huey.periodic_task(_night(4, 30, day_of_week="0"))
def drift() -> None:
    """Each Monday, a Sunday in UTC: tells the trainers when last week's triage was unlike the weeks before."""
    log.info("drift", alerts=len(alert(session_factory(), utcnow(), get_drift())))


@huey.periodic_task(crontab(minute="40"))
@huey.lock_task("photos", ttl=LOCK_SECONDS)
def photos() -> None:
    """Each hour: removes the photos that nobody sent."""
    sweep_photos(utcnow())


def hurry(emitted: list[tuple[str, dict[str, Any]]]) -> None:
    """Asks the worker to deliver now; when Redis is down the next sweep will."""
    try:
        deliver()
        if any(topic == "emergency.detected" for topic, _payload in emitted):
            file_silent.schedule(delay=SILENCE.total_seconds() + 1)
    except RedisError:
        log.warning("redis is down, the sweep will deliver")
