"""The model in use and the place table, one of each a process."""

from functools import lru_cache
from typing import Any

from api.settings import get_settings
from api.triage.live import LiveTriager
from classifier.matters import split
from classifier.places import PlaceResolver
from classifier.taxonomy import Taxonomy, load_taxonomy
from classifier.triage import Triager

RECENT_TEXTS = 128
"""A matter is judged when told, compared before the summary, judged and embedded at filing: one run serves them all."""


def get_triager() -> Triager:
    """Returns the triager in use; a process's first call loads the model (about half a second)."""
    return _live().current()


@lru_cache
def _live() -> LiveTriager:
    return LiveTriager(get_settings().model_dir, _load)


def _load() -> Triager:
    settings = get_settings()
    triager = Triager.load(settings.model_dir, settings.nlu_data)
    triager.encoder.remember(RECENT_TEXTS)
    return triager


@lru_cache
def get_places() -> PlaceResolver:
    """Returns the resolver of streets, communities and grids."""
    return PlaceResolver.load(get_settings().nlu_data)


@lru_cache
def get_taxonomy() -> Taxonomy:
    """Returns categories, subcategories and departments."""
    return load_taxonomy(get_settings().nlu_data)


_MATTER_FIELDS = ("kind", "category", "subcategory", "urgency", "department")


def triage_with_matters(triager: Triager, text: str, place: str | None = None) -> dict[str, Any]:
    """Returns the triage of a text and, as ``matters``, each of the separate matters in it, in order."""
    whole = triager.triage(text, place)
    pieces = split(text, triager, whole)
    judged = triager.triage_many(pieces, [place] * len(pieces)) if len(pieces) > 1 else [whole]
    matters = [
        {"text": piece} | {field: getattr(one, field) for field in _MATTER_FIELDS}
        for piece, one in zip(pieces, judged, strict=True)
    ]
    return whole.as_dict() | {"matters": matters}
