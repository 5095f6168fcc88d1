"""Events for another system of the district: a signed POST, tried again until it is taken."""

import hashlib
import hmac
import json
from datetime import datetime

import httpx
from sqlalchemy.orm import Session, sessionmaker

from api.outbox.delivery import subscribe
from api.outbox.models import Delivery, OutboxEvent
from api.outbox.sending import RefusedError, SinkDownError, queue, sink
from api.settings import get_settings

SINK = "webhook"
TOPICS = ("case.filed", "case.changed", "case.card", "emergency.detected", "chat.person_wanted")
TIMEOUT_SECONDS = 8.0
_GONE = 410
_LATER = {408, 425, 429}


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Returns the value of ``X-Laoxian-Signature``: ``t=<seconds>,v1=<hex HMAC-SHA256 of "<seconds>.<body>">``."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def _queue(db: Session, event: OutboxEvent, now: datetime) -> None:
    if not get_settings().webhook_url:
        return
    about = event.payload.get("case_no") or event.payload.get("session_id")
    payload = {"id": event.id, "topic": event.topic, "at": event.created_at.isoformat(), "data": event.payload}
    queue(db, SINK, f"event:{event.id}", f"webhook:{about}", payload, now)


for _topic in TOPICS:
    subscribe(_topic)(_queue)


@sink(SINK)
def post(_sessions: sessionmaker[Session], delivery: Delivery, now: datetime) -> str:
    """Posts one event; anything but 2xx is tried again later, 410 never."""
    url, secret = get_settings().webhook_url, get_settings().webhook_secret.get_secret_value()
    if not url:
        raise RefusedError("off")
    body = json.dumps(delivery.payload, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Laoxian-Event": delivery.payload["topic"],
        "X-Laoxian-Delivery": delivery.key,  # the same in every try: the receiver may see it twice
        "X-Laoxian-Signature": signature(secret, int(now.timestamp()), body),
    }
    try:
        answer = httpx.post(url, content=body, headers=headers, timeout=TIMEOUT_SECONDS, follow_redirects=False)
    except httpx.HTTPError as error:
        raise SinkDownError(type(error).__name__) from None
    if answer.is_success:
        return "sent"
    if answer.status_code == _GONE:
        raise RefusedError(str(_GONE))
    if answer.is_server_error or answer.status_code in _LATER:
        raise SinkDownError(str(answer.status_code))
    # Refused, but perhaps only until somebody mends it; the others need not wait for this one.
    answer.raise_for_status()
    raise SinkDownError(str(answer.status_code))  # a redirection is none of these
