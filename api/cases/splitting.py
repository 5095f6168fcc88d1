"""Parting a case that tells of several matters: the first stays, each other one becomes a case of its own beside it."""

from typing import TYPE_CHECKING

from api.accounts.deps import SYSTEM
from api.cases.deadlines import set_deadlines
from api.cases.filing import Filing, file_case
from api.cases.history import record
from api.cases.matter_words import embedding
from api.cases.models import Case
from api.crypto import mask_numbers, unmask_numbers
from api.triage.service import get_places, get_triager
from classifier.matters import split
from classifier.places import PlaceResolver
from classifier.taxonomy import LEVELS, URGENCIES
from classifier.triage import Triage, Triager

if TYPE_CHECKING:
    from api.cases.checks import Step

WHOLE = "拆分前原文"
"""Action of the history row that keeps what the case told before; for staff."""


def proposed_parts(case: Case, triager: Triager) -> list[str]:
    """Returns the matters that the model sees in a case, numbers masked; one when it sees no second."""
    return split(case.description, triager)


def split_case(step: "Step") -> None:
    """Files every part but the first as a case, in the order given, and leaves the first with the case itself."""
    case, told = step.case, step.case.full_description
    triager = step.triager or get_triager()
    first, *others = (unmask_numbers(part, told) for part in step.fields.parts or [])
    case.group = case.group or case.no
    record(step.db, case, WHOLE, step.actor or SYSTEM, step.now, before={}, after={}, note=told)
    step.told["parts"] = [_file(step, text, triager).no for text in others]
    _keep(step, first, triager)


def _file(step: "Step", text: str, triager: Triager) -> Case:
    case, places = step.case, get_places()
    common = case.place_text or "".join(filter(None, (case.street, case.community))) or None
    filing = Filing(
        description=text,
        place_text=place_of(text, common, places),
        name=None,
        phone=None,
        anonymous=True,
        source=case.source,
        idempotency_key=None,
        session_id=case.session_id,
        draft_id=case.draft_id,
        group=case.group,
        split_from=case,
    )
    return file_case(step.db, filing, triager, places, step.now, step.actor or SYSTEM)[0]


def place_of(text: str, common: str | None, places: PlaceResolver) -> str | None:
    """Returns the place of one of several matters: its own words where they lead elsewhere in the district."""
    own, shared = places.resolve(text), places.resolve(common or "")
    elsewhere = (own.street, own.community) != (shared.street, shared.community)
    return own.text if own.precise and own.street and elsewhere else common


def _keep(step: "Step", text: str, triager: Triager) -> None:
    """Leaves the case with one of its matters: the suggestion is for that alone, a person's decision holds."""
    case, masked = step.case, mask_numbers(text)
    found = triager.triage(text, " ".join(filter(None, (case.street, case.place_text))) or None)
    case.description, case.description_sealed = masked, text if masked != text else None
    case.embedding, case.suggestion = embedding(text, triager), found.as_dict()
    if not case.overrides:
        _judge(case, found)
        set_deadlines(case, step.now, step.deadlines)


def _judge(case: Case, found: Triage) -> None:
    case.needs_review = found.needs_review
    if (case.category, case.subcategory) != (found.category, found.subcategory):
        case.kind, case.category, case.subcategory = found.kind, found.category, found.subcategory
        case.department, case.co_departments = found.department, list(found.co_departments)
        case.level = found.level
    # A danger once seen is for a person to take back.
    case.urgency = case.urgency if case.urgency == URGENCIES[0] else found.urgency
    case.level = LEVELS[-1] if case.urgency == URGENCIES[0] else case.level
