"""Short messages to residents who left a number, behind a port that each district fills with its own gateway."""

import json
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from pkgutil import resolve_name
from typing import Protocol

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from api.cases.models import Case, CaseHistory, Reporter
from api.crypto import mask_phone
from api.outbox.delivery import subscribe
from api.outbox.models import Delivery, OutboxEvent
from api.outbox.sending import queue, sink
from api.settings import get_settings

SINK = "sms"


class SmsSender(Protocol):
    """The port: what ``LAOXIAN_SMS_SENDER`` names is called without arguments and gives one of these."""

    def send(self, phone: str, text: str, key: str) -> None:
        """Sends a message; the same ``key`` may come again and is then the same message.

        Raises:
            SinkDownError: the gateway does not answer.
            RefusedError: it will never take this one.
        """


class FileSender:
    """The default: writes what would have been sent to ``DATA_DIR/sms.jsonl``, with the number masked."""

    def send(self, phone: str, text: str, key: str) -> None:
        """Adds one line."""
        path: Path = get_settings().data_dir / "sms.jsonl"
        path.touch(mode=0o600)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "phone": mask_phone(phone), "text": text}, ensure_ascii=False) + "\n")


@lru_cache
def _sender() -> SmsSender:
    sender: SmsSender = resolve_name(get_settings().sms_sender)()
    return sender


@lru_cache
def sms_lines() -> dict[str, str]:
    """Returns the texts by action, from ``nlu_data/sms.yml``."""
    lines: dict[str, str] = yaml.safe_load((get_settings().nlu_data / "sms.yml").read_text(encoding="utf-8"))
    return lines


@subscribe("case.changed")
def _queue(db: Session, event: OutboxEvent, now: datetime) -> None:
    action, seq, only = event.payload["action"], event.payload["seq"], event.payload.get("reporter")
    case = db.scalar(select(Case).where(Case.no == event.payload["case_no"]))
    if action not in sms_lines() or case is None or _by_resident(db, case, seq):
        return
    for number, reporter in enumerate(case.reporters, 1):
        if only in (None, number) and reporter.phone and not reporter.anonymous and reporter.left_at is None:
            key = f"{case.no}:{seq}:{reporter.id}"
            queue(db, SINK, key, f"sms:{reporter.id}", {"reporter": reporter.id, "action": action}, now)


def _by_resident(db: Session, case: Case, seq: int) -> bool:
    who = select(CaseHistory.actor_kind).where(CaseHistory.case_id == case.id, CaseHistory.seq == seq)
    return db.scalar(who) == "resident"


@sink(SINK)
def send(sessions: sessionmaker[Session], delivery: Delivery, _now: datetime) -> str:
    """Sends one message; a number that was erased in between gets none."""
    with sessions() as db:
        reporter = db.get(Reporter, delivery.payload["reporter"])
        if reporter is None or not reporter.phone:
            return "nothing"
        case = reporter.case
        text = sms_lines()[delivery.payload["action"]].format(case_no=case.no, department=case.department)
        phone = reporter.phone
    _sender().send(phone, text, delivery.key)
    return "sent"
