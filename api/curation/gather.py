"""Fills the queue: from cases that a clerk corrected or the model doubted, and from what the bot did not understand."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session, sessionmaker, undefer

from api.cases.models import Case, TriageFeedback
from api.chat.models import RESIDENT, ChatMessage, Draft
from api.curation.labels import FIELDS
from api.curation.models import DONE, OPEN, CurationItem
from api.curation.order import gains, order
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
POOL = 2000
_KEPT = (*FIELDS, "department", "confidence", "model_version")

Found = tuple[str, str, list[str], dict[str, Any], dict[str, Any] | None]
"""Origin, text without personal data, reasons, the model's suggestion, the clerk's decision."""


def gather(sessions: sessionmaker[Session], triager: Triager, rules: CurationRules, now: datetime) -> int:
    """Adds what is new to the queue and puts all that is open in order; returns how many items came.

    At most ``AT_ONCE`` of each source a call, so that none takes minutes; the next call goes on.
    """
    with sessions.begin() as db:
        _note_overrides(db)
        found = [*_from_cases(db, rules), *_from_talk(db, triager, rules, now)]
        fresh = list(_unknown(db, found))[::-1]  # the oldest gets the lowest number
        _add(db, fresh, triager, rules, now)
    with sessions.begin() as db:
        _reorder(db, triager, rules)
    return len(fresh)


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
        text = redact(case.full_description, (one.name for one in case.reporters if one.name))
        suggestion = {name: case.suggestion.get(name) for name in _KEPT}
        yield f"case:{case.no}", text, reasons, suggestion, _decision(case)


def _decision(case: Case) -> dict[str, Any] | None:
    return {name: case.overrides[-1].decided.get(name) for name in FIELDS} if case.overrides else None


def _note_overrides(db: Session) -> None:
    """A case that was corrected after it came here gets that reason too."""
    joined = select(CurationItem, Case).join(Case, CurationItem.origin == "case:" + Case.no).join(TriageFeedback)
    for item, case in db.execute(joined.where(CurationItem.state == OPEN, CurationItem.decided.is_(None))).unique():
        item.decided, item.reasons = _decision(case), ["override", *item.reasons]


def _from_talk(db: Session, triager: Triager, rules: CurationRules, now: datetime) -> Iterator[Found]:
    """What residents said before the bot answered that it had not understood."""
    since = now - timedelta(days=rules.talk_days)
    answers = select(ChatMessage).where(ChatMessage.created_at > since, ChatMessage.reply_to.is_not(None))
    lost = [(one.session_id, one.reply_to) for one in db.scalars(answers) if simplify(one.text) in rules.fell_back]
    for session_id, seq in lost[-AT_ONCE:]:
        where = (ChatMessage.session_id == session_id, ChatMessage.seq == seq, ChatMessage.author == RESIDENT)
        said = db.scalars(select(ChatMessage).where(*where)).one_or_none()
        if said is None or not has_words(said.text):
            continue
        draft = db.get(Draft, said.draft_id) if said.draft_id else None
        name = json.loads(draft.known).get("name") if draft and draft.known else None
        text = redact(said.text, [name] if name else ())
        judged = triager.triage(text).as_dict()
        yield f"message:{said.id}", text, ["fell_back"], {name: judged[name] for name in _KEPT}, None


def _unknown(db: Session, found: Iterable[Found]) -> Iterator[Found]:
    """Leaves out what is here already, under the same origin or in the same words, or stands in the labelled files."""
    origins = set(db.scalars(select(CurationItem.origin)))
    texts = {normalise(text) for text in db.scalars(select(CurationItem.text).where(CurationItem.state != DONE))}
    texts |= known_texts(get_settings().nlu_data)
    for one in found:
        plain = normalise(one[1])
        if one[0] not in origins and plain not in texts:
            origins.add(one[0])
            texts.add(plain)
            yield one


def _add(db: Session, found: list[Found], triager: Triager, rules: CurationRules, now: datetime) -> None:
    texts = [one[1] for one in found]
    tables = triager.encoder.probabilities(texts)["subcategory"]
    vectors = triager.encoder.embed(texts)
    classes = [name.split("/", 1) for name in triager.encoder.heads["subcategory"]]
    for (origin, text, reasons, suggestion, decided), chances, vector in zip(found, tables, vectors, strict=True):
        best = np.argsort(-chances)[:CANDIDATES]
        candidates = [
            {"category": classes[i][0], "subcategory": classes[i][1], "probability": round(float(chances[i]), 4)}
            for i in best
        ]
        db.add(
            CurationItem(
                origin=origin,
                text=text,
                reasons=reasons,
                suggestion=suggestion,
                decided=decided,
                candidates=candidates,
                embedding=vector.astype(np.float16).tobytes(),
                embedded_by=triager.encoder.version,
                pair=for_two(origin, rules.two_person_percent),
                created_at=now,
            )
        )


def for_two(origin: str, percent: float) -> bool:
    """Tells whether two persons answer this one: by its name, so that nobody chooses and a rerun says the same."""
    return int(sha256(origin.encode()).hexdigest()[:8], 16) % 10_000 < percent * 100


def _reorder(db: Session, triager: Triager, rules: CurationRules) -> None:
    newest = select(CurationItem).where(CurationItem.state == OPEN).order_by(CurationItem.id.desc()).limit(POOL)
    items = list(db.scalars(newest.options(undefer(CurationItem.embedding))))
    if not items:
        return
    # Vectors of two models cannot be compared.
    if stale := [item for item in items if item.embedded_by != triager.encoder.version]:
        for item, vector in zip(stale, triager.encoder.embed([one.text for one in stale]), strict=True):
            item.embedding, item.embedded_by = vector.astype(np.float16).tobytes(), triager.encoder.version
    vectors = np.stack([np.frombuffer(item.embedding, np.float16) for item in items]).astype(np.float32)
    counts = training_counts(get_settings().nlu_data) + _answered(db)
    top = [(item.candidates[0]["category"], item.candidates[0]["subcategory"]) for item in items]
    gain = gains([item.candidates for item in items], [counts[pair] for pair in top], vectors)
    for rank, position in enumerate(order(gain, vectors, rules.batch)):
        items[position].rank, items[position].gain = rank, float(gain[position])


def _answered(db: Session) -> Counter[tuple[str, str]]:
    """Counts the answers of this queue by class: most are not in the files yet."""
    labels = db.scalars(select(CurationItem.label).where(CurationItem.state == DONE))
    return Counter((one["category"], one["subcategory"]) for one in labels if one and one.get("category"))
