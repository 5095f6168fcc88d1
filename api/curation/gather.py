"""Fills the queue: from cases that a clerk corrected or the model doubted, and from what the bot did not understand.

The model works between transactions, never within one: SQLite lets one in at a time, and residents would wait.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session, sessionmaker

from api.cases.models import Case, TriageFeedback
from api.chat.models import RESIDENT, ChatMessage, Draft
from api.curation.labels import FIELDS
from api.curation.models import DOUBLE, OPEN, CurationItem
from api.curation.ranking import packed, rank
from api.curation.rules import CurationRules
from api.curation.training_data import known_texts, training_counts
from api.privacy.redact import redact
from api.settings import get_settings
from classifier.text import has_words, normalise, simplify
from classifier.triage import Triager

REASONS = {
    "override": "受理员改判过",
    "unsure": "模型把握低",
    "routing": "模型与路由不一致",
    "rare": "少见的二级分类",
    "fell_back": "机器人没听懂",
}
CANDIDATES = 9
AT_ONCE = 300
_KEPT = (*FIELDS, "department", "confidence", "model_version")


@dataclass(frozen=True)
class Found:
    """Something worth a label, as it was said.

    Attributes:
        origin: where it came from.
        raw: the words, personal data and all; they go no further than ``redact``.
        known: names that belong to the matter.
        reasons: names of ``REASONS``.
        suggestion: what the model said of it at the time; ``None`` when it was not asked.
        decided: what a clerk decided.
    """

    origin: str
    raw: str
    known: tuple[str, ...]
    reasons: list[str]
    suggestion: dict[str, Any] | None = None
    decided: dict[str, Any] | None = None


def gather(sessions: sessionmaker[Session], triager: Triager, rules: CurationRules, now: datetime) -> int:
    """Adds what is new to the queue and puts all that is open in order; returns how many items came.

    At most ``AT_ONCE`` of each source a call, so that none takes minutes; the next call goes on.
    """
    with sessions.begin() as db:
        _note_overrides(db)
        found = [*_from_cases(db, rules), *_from_talk(db, rules, now)]
        texts = {normalise(text) for text in db.scalars(select(CurationItem.text).where(CurationItem.state == OPEN))}
    # The oldest gets the lowest number.
    sorted_out = list(_sorted_out(found, texts))[::-1]
    fresh = _items([(one, text) for one, text in sorted_out if text], triager, rules, now)
    fresh += [_double(one, now) for one, text in sorted_out if not text]
    with sessions.begin() as db:
        here = set(
            db.scalars(select(CurationItem.origin).where(CurationItem.origin.in_([one.origin for one in fresh])))
        )
        added = [one for one in fresh if one.origin not in here]
        db.add_all(added)
    rank(sessions, triager, rules.batch)
    return sum(one.state == OPEN for one in added)


def _from_cases(db: Session, rules: CurationRules) -> Iterator[Found]:
    counts = training_counts(get_settings().nlu_data)
    confidence, pair = Case.suggestion["confidence"], Case.category + "/" + Case.subcategory
    common = [f"{category}/{name}" for (category, name), rows in counts.items() if rows >= rules.long_tail]
    why: dict[str, ColumnElement[bool]] = {
        "override": exists().where(TriageFeedback.case_id == Case.id),
        "unsure": confidence["category"].as_float() < rules.low_confidence,
        "routing": confidence["department"].as_float() < rules.routing_doubt,
        "rare": pair.not_in(common),
    }
    here = exists().where(CurationItem.origin == "case:" + Case.no)
    query = select(Case, *why.values()).where(Case.erased_at.is_(None), ~here, or_(*why.values()))
    for case, *hits in db.execute(query.order_by(Case.id.desc()).limit(AT_ONCE)):
        reasons = [name for name, hit in zip(why, hits, strict=True) if hit]
        known = tuple(one.name for one in case.reporters if one.name)
        suggestion = {name: case.suggestion.get(name) for name in _KEPT}
        yield Found(f"case:{case.no}", case.full_description, known, reasons, suggestion, _decision(case))


def _decision(case: Case) -> dict[str, Any] | None:
    return {name: case.overrides[-1].decided.get(name) for name in FIELDS} if case.overrides else None


def _note_overrides(db: Session) -> None:
    """A case that was corrected after it came here gets that reason too."""
    joined = select(CurationItem, Case).join(Case, CurationItem.origin == "case:" + Case.no).join(TriageFeedback)
    for item, case in db.execute(joined.where(CurationItem.state == OPEN, CurationItem.decided.is_(None))).unique():
        item.decided, item.reasons = _decision(case), ["override", *item.reasons]


def _from_talk(db: Session, rules: CurationRules, now: datetime) -> Iterator[Found]:
    """What residents said before the bot answered that it had not understood."""
    since = now - timedelta(days=rules.talk_days)
    answers = select(ChatMessage).where(ChatMessage.created_at > since, ChatMessage.reply_to.is_not(None))
    lost = [(one.session_id, one.reply_to) for one in db.scalars(answers) if simplify(one.text) in rules.fell_back]
    for session_id, seq in lost[-AT_ONCE:]:
        where = (ChatMessage.session_id == session_id, ChatMessage.seq == seq, ChatMessage.author == RESIDENT)
        said = db.scalars(select(ChatMessage).where(*where)).one_or_none()
        if said is None or not has_words(said.text):
            continue
        origin = f"message:{said.id}"
        if db.scalar(select(exists().where(CurationItem.origin == origin))):
            continue
        draft = db.get(Draft, said.draft_id) if said.draft_id else None
        name = json.loads(draft.known).get("name") if draft and draft.known else None
        yield Found(origin, said.text, (name,) if name else (), ["fell_back"])


def _sorted_out(found: list[Found], texts: set[str]) -> Iterator[tuple[Found, str]]:
    """Yields each with its text redacted; with none when that is open already, or stands in the labelled files."""
    seen = texts | known_texts(get_settings().nlu_data)
    for one in found:
        text = redact(one.raw, one.known)
        known = normalise(text) in seen
        seen.add(normalise(text))
        yield one, "" if known else text


def _double(one: Found, now: datetime) -> CurationItem:
    return CurationItem(
        origin=one.origin, text="", reasons=one.reasons, suggestion={}, candidates=[], state=DOUBLE,
        embedding=b"", embedded_by="", created_at=now,
    )  # fmt: skip


def _items(found: list[tuple[Found, str]], triager: Triager, rules: CurationRules, now: datetime) -> list[CurationItem]:
    texts = [text for _, text in found]
    tables, vectors = triager.encoder.probabilities_and_embeddings(texts)
    return [
        CurationItem(
            origin=one.origin,
            text=text,
            reasons=one.reasons,
            suggestion=one.suggestion or _asked(triager, text),
            decided=one.decided,
            candidates=_candidates(triager, chances),
            embedding=packed(vector),
            embedded_by=triager.encoder.version,
            pair=for_two(one.origin, rules.two_person_percent),
            state=OPEN,
            created_at=now,
        )
        for (one, text), chances, vector in zip(found, tables["subcategory"], vectors, strict=True)
    ]


def _asked(triager: Triager, text: str) -> dict[str, Any]:
    judged = triager.triage(text).as_dict()
    return {name: judged[name] for name in _KEPT}


def _candidates(triager: Triager, chances: np.ndarray) -> list[dict[str, Any]]:
    classes = [name.split("/", 1) for name in triager.encoder.heads["subcategory"]]
    return [
        {"category": classes[i][0], "subcategory": classes[i][1], "probability": round(float(chances[i]), 4)}
        for i in np.argsort(-chances)[:CANDIDATES]
    ]


def for_two(origin: str, percent: float) -> bool:
    """Tells whether two persons answer this one: by its name, so that nobody chooses and a rerun says the same."""
    return int(sha256(origin.encode()).hexdigest()[:8], 16) % 10_000 < percent * 100
