"""Puts what is open in the order of ``api.curation.order``."""

from collections import Counter
from typing import Any

import numpy as np
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker, undefer

from api.curation.models import DONE, OPEN, CurationItem
from api.curation.order import gains, order
from api.curation.training_data import training_counts
from api.settings import get_settings
from classifier.triage import Triager

POOL = 2000


def packed(vector: np.ndarray) -> bytes:
    """Returns a unit-length vector as it is kept, float16."""
    return vector.astype(np.float16).tobytes()


def rank(sessions: sessionmaker[Session], triager: Triager, batch: int) -> None:
    """Ranks the newest ``POOL`` open items; what came later than it read waits for the next call."""
    newest = select(CurationItem).where(CurationItem.state == OPEN).order_by(CurationItem.id.desc()).limit(POOL)
    with sessions() as db:
        items = list(db.scalars(newest.options(undefer(CurationItem.embedding))))
        answered = _answered(db)
    if not items:
        return
    # Vectors of two models cannot be compared.
    stale = [item for item in items if item.embedded_by != triager.encoder.version]
    fresh = {item.id: packed(one) for item, one in zip(stale, triager.encoder.embed(_texts(stale)), strict=True)}
    vectors = np.stack([np.frombuffer(fresh.get(one.id, one.embedding), np.float16) for one in items])
    vectors = vectors.astype(np.float32)
    counts = training_counts(get_settings().nlu_data) + answered
    top = [(one.candidates[0]["category"], one.candidates[0]["subcategory"]) for one in items]
    gain = gains([one.candidates for one in items], [counts[pair] for pair in top], vectors)
    with sessions.begin() as db:
        for place, position in enumerate(order(gain, vectors, batch)):
            item = items[position]
            values: dict[str, Any] = {"rank": place, "gain": float(gain[position])}
            if item.id in fresh:
                values |= {"embedding": fresh[item.id], "embedded_by": triager.encoder.version}
            db.execute(update(CurationItem).where(CurationItem.id == item.id).values(values))


def _texts(items: list[CurationItem]) -> list[str]:
    return [one.text for one in items]


def _answered(db: Session) -> Counter[tuple[str, str]]:
    """Counts the answers of this queue by class: most are not in the files yet."""
    labels = db.scalars(select(CurationItem.label).where(CurationItem.state == DONE))
    return Counter((one["category"], one["subcategory"]) for one in labels if one and one.get("category"))
