"""Near duplicates of a matter, and past answers to similar ones: place, time and meaning together."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Row, Select, and_, or_, select
from sqlalchemy.orm import Session, selectinload

from api.cases.duplicates import DuplicateRules, Spot, near
from api.cases.matter_words import embedding, matter_words
from api.cases.models import Case
from api.cases.workflow import get_workflow
from classifier.places import PlaceResolver
from classifier.taxonomy import URGENCIES
from classifier.triage import Triager

PAST = 5
_QUESTION = URGENCIES[-1]


@dataclass(frozen=True)
class Probe:
    """A matter to find the like of.

    Attributes:
        vector: its embedding, of unit length.
        version: the model that made it; vectors of another model cannot be compared.
    """

    category: str
    subcategory: str
    urgency: str
    spot: Spot
    vector: np.ndarray
    version: str


def probe_text(text: str, place_text: str | None, triager: Triager, places: PlaceResolver) -> Probe:
    """Returns the probe of an appeal that has not been filed, judged as filing would."""
    place = places.resolve(place_text or text)
    triage = triager.triage(text, " ".join(filter(None, (place.street, place_text))) or None)
    spot = Spot(place.street, place.community, place_text or place.text, text)
    vector = triager.encoder.embed([matter_words(text)])[0]
    return Probe(triage.category, triage.subcategory, triage.urgency, spot, vector, triage.model_version)


def probe_case(case: Case, triager: Triager) -> Probe:
    """Returns the probe of a case, by the model that judged it; one without an embedding is read by today's."""
    kept = case.embedding
    version = case.suggestion["model_version"] if kept else triager.encoder.version
    vector = np.frombuffer(kept or embedding(case.full_description, triager), np.float16).astype(np.float32)
    spot = _spot(case.street, case.community, case.place_text, case.description)
    return Probe(case.category, case.subcategory, case.urgency, spot, vector, version)


def near_cases(
    db: Session, probe: Probe, now: datetime, rules: DuplicateRules, where: ColumnElement[bool], limit: int
) -> list[Case]:
    """Returns the cases that are probably the same matter, the most alike first.

    An index narrows them by street, class and time before anything is compared.
    """
    workflow = get_workflow()
    alive = or_(Case.status.in_(workflow.open), and_(Case.status == "已办结", Case.closed_at > now - rules.closed))
    recent = and_(Case.street == probe.spot.street, Case.created_at > now - rules.within)
    query = _rows(probe, rules).where(recent, alive, where)
    found: list[int] = []
    for score, row in _ranked(db, query, probe):
        if score < rules.meaning or len(found) == limit:
            break
        question = _QUESTION in (row.urgency, probe.urgency) and row.urgency != probe.urgency
        if not question and near(probe.spot, _spot(row.street, row.community, row.place_text, row.description), rules):
            found.append(row.id)
    return _load(db, found)


def answered_cases(db: Session, probe: Probe, rules: DuplicateRules, where: ColumnElement[bool]) -> list[Case]:
    """Returns the most similar cases of the same class that have an answer, wherever they are."""
    query = _rows(probe, rules).where(Case.answer.is_not(None), where)
    return _load(db, [row.id for _score, row in _ranked(db, query, probe)[:PAST]])


def _rows(probe: Probe, rules: DuplicateRules) -> Select[Any]:
    same = and_(Case.category == probe.category, Case.subcategory == probe.subcategory, Case.embedding.is_not(None))
    version = Case.suggestion["model_version"].as_string() == probe.version
    columns: tuple[Any, ...] = (
        Case.id,
        Case.street,
        Case.community,
        Case.place_text,
        Case.description,
        Case.urgency,
        Case.embedding,
    )
    return select(*columns).where(same, version).order_by(Case.created_at.desc()).limit(rules.looked_at)


def _ranked(db: Session, query: Select[Any], probe: Probe) -> list[tuple[float, Row[Any]]]:
    rows = db.execute(query).all()
    if not rows:
        return []
    vectors = np.frombuffer(b"".join(row.embedding for row in rows), np.float16).reshape(len(rows), -1)
    scores = vectors.astype(np.float32) @ probe.vector
    return [(float(scores[i]), rows[i]) for i in np.argsort(-scores, kind="stable")]


def _spot(street: str | None, community: str | None, place_text: str | None, story: str) -> Spot:
    return Spot(street, community, place_text or "", story)


def _load(db: Session, ids: list[int]) -> list[Case]:
    cases = db.scalars(select(Case).where(Case.id.in_(ids)).options(selectinload(Case.reporters)))
    return sorted(cases, key=lambda case: ids.index(case.id))
