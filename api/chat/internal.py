"""What the action server may ask, behind the internal secret; the key of every path is the draft, Rasa's sender."""

import secrets
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Response
from pydantic import BaseModel, ConfigDict, Field

from api.accounts.deps import Actor, Now
from api.cases.deadlines import get_deadlines
from api.cases.moves import apply_action
from api.cases.reporters import Contact, number_of
from api.chat import attachments, drafts, joining, matters, ownership
from api.chat.models import PERSON, WANTS_PERSON, ChatSession, Draft
from api.db import SessionDep
from api.errors import Problem
from api.outbox.models import emit
from api.settings import get_settings
from api.triage.service import get_places, get_triager, triage_with_matters
from classifier.places import PlaceResolver
from classifier.triage import Triager


def _insider(x_laoxian_secret: Annotated[str, Header()] = "") -> None:
    """Lets only the action server in; to anybody else the address does not exist."""
    expected = get_settings().internal_secret.get_secret_value()
    if not secrets.compare_digest(x_laoxian_secret.encode(), expected.encode()):
        raise Problem(404, "没有找到")


router = APIRouter(prefix="/internal/v1", include_in_schema=False, dependencies=[Depends(_insider)])


def _draft(sender: str, db: SessionDep) -> Draft:
    draft = db.get(Draft, sender)
    if draft is None:
        raise Problem(404, "没有这份草稿")
    return draft


DraftDep = Annotated[Draft, Depends(_draft)]
TriagerDep = Annotated[Triager, Depends(get_triager)]
PlacesDep = Annotated[PlaceResolver, Depends(get_places)]
ShortText = Annotated[str, Field(max_length=500)]


class _In(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)


class TriageIn(_In):
    """Text to triage."""

    text: str = Field(min_length=1, max_length=20_000)
    place: ShortText | None = None


class DraftIn(_In):
    """What the dialogue knows of an appeal so far."""

    description: str = Field("", max_length=20_000)
    place_text: ShortText | None = None
    phone: Annotated[str, Field(max_length=30)] | None = None
    name: Annotated[str, Field(max_length=60)] | None = None
    anonymous: bool = False
    emergency: bool = False
    emergency_number: Literal["119", "110", "120", "122"] | None = None

    def known(self) -> drafts.Known:
        """Returns the fields that are kept."""
        return drafts.Known(self.description, self.place_text, self.phone, self.name, self.anonymous)


class FileIn(DraftIn):
    """A draft to file; ``matters`` are the texts of several that one message told of."""

    matters: list[Annotated[str, Field(min_length=1, max_length=20_000)]] = Field([], max_length=5)


class SimilarIn(_In):
    """What a resident is about to file, and where."""

    description: str = Field(min_length=1, max_length=20_000)
    place_text: ShortText | None = None


class FollowIn(_In):
    """Which case to join, and how the resident wants to be reached."""

    case_no: str = Field(max_length=40)
    phone: Annotated[str, Field(max_length=30)] | None = None
    name: Annotated[str, Field(max_length=60)] | None = None
    anonymous: bool = False


class LookupIn(_In):
    """A case number and the proof that it is one's own."""

    case_no: str = Field(max_length=40)
    phone_last4: str = Field(max_length=20)


class ActionIn(_In):
    """What a resident does with their case."""

    action: Literal["催办", "撤回", "补充", "评价"]
    note: Annotated[str, Field(max_length=2000)] | None = None
    stars: Annotated[int, Field(ge=1, le=5)] | None = None


class HumanIn(_In):
    """Why a person is wanted."""

    reason: str = Field("", max_length=500)


@router.post("/triage")
def triage(body: TriageIn, triager: TriagerDep) -> dict[str, Any]:
    """Triages a text as filing would, and each of its matters where it holds several."""
    return triage_with_matters(triager, body.text, body.place)


@router.put("/drafts/{sender}")
def put_draft(body: DraftIn, draft: DraftDep, db: SessionDep, now: Now) -> dict[str, Any]:
    """Keeps what is known so far; the first sign of danger rings the duty officer, a false alarm is forgotten."""
    drafts.keep(draft, body.known())
    if body.emergency:
        drafts.mark_emergency(db, draft, body.emergency_number, now)
    else:
        drafts.take_back(draft)
    db.commit()
    return {}


@router.post("/drafts/{sender}/file", status_code=201)
def file_draft(
    body: FileIn,
    draft: DraftDep,
    db: SessionDep,
    now: Now,
    *,
    triager: TriagerDep,
    places: PlacesDep,
    response: Response,
) -> dict[str, Any]:
    """Files the draft, each matter as a case: 201 the first time, 200 with the same cases after that."""
    cases, created = matters.file_all(
        db, draft, body.known(), body.matters, now, emergency=body.emergency, triager=triager, places=places
    )
    db.commit()
    if not created:
        response.status_code = 200
    return drafts.case_fields(cases[0]) | {"created": created, "cases": [matters.brief(case) for case in cases]}


@router.post("/drafts/{sender}/similar")
def similar(
    body: SimilarIn, draft: DraftDep, db: SessionDep, now: Now, triager: TriagerDep, places: PlacesDep
) -> dict[str, Any]:
    """Offers cases that are probably the same matter, with nothing personal in them."""
    found = joining.offer(db, draft, body.description, body.place_text, now, triager=triager, places=places)
    db.commit()
    return {"similar": found}


@router.post("/drafts/{sender}/follow")
def follow(body: FollowIn, draft: DraftDep, db: SessionDep, now: Now) -> dict[str, Any]:
    """Joins a case that was offered, instead of filing the matter again; the draft is done."""
    contact = Contact(body.name or None, body.phone or None, body.anonymous)
    case = joining.join(db, draft, ownership.normal_number(body.case_no), contact, now)
    db.commit()
    return ownership.item(db, case, draft.session_id)


@router.get("/drafts/{sender}/cases")
def list_cases(draft: DraftDep, db: SessionDep) -> dict[str, Any]:
    """Lists the cases of this conversation, newest first."""
    return {
        "cases": [ownership.item(db, case, draft.session_id) for case in ownership.owned_cases(db, draft.session_id)]
    }


@router.post("/drafts/{sender}/lookup")
def look_up(body: LookupIn, draft: DraftDep, db: SessionDep, now: Now) -> dict[str, Any]:
    """Opens a case filed elsewhere to this conversation, given its number and the last four digits of the phone."""
    case = ownership.prove(db, draft, body.case_no, body.phone_last4, now)
    db.commit()
    if case is None:
        raise ownership.not_found()
    return ownership.item(db, case, draft.session_id)


@router.post("/drafts/{sender}/cases/{no}/actions")
def act(no: str, body: ActionIn, draft: DraftDep, db: SessionDep, now: Now) -> dict[str, Any]:
    """Does what the resident asks with their own case, as far as the workflow lets a resident."""
    case = ownership.owned_case(db, draft.session_id, no)
    actor = Actor("resident", draft.session_id, "resident")
    reporter = number_of(case, ownership.reporter_of(db, draft.session_id, case))
    apply_action(db, case, body.action, actor, now, note=body.note or None, stars=body.stars, reporter=reporter)
    if body.action == "补充":
        attachments.add_to_case(db, draft.id, case)
    db.commit()
    return ownership.item(db, case, draft.session_id)


@router.post("/drafts/{sender}/human")
def call_person(body: HumanIn, draft: DraftDep, db: SessionDep, now: Now) -> dict[str, Any]:
    """Queues the conversation for a person; ``available`` tells whether it is office time."""
    session = db.get_one(ChatSession, draft.session_id)
    if session.state not in (PERSON, WANTS_PERSON):
        session.state, session.wants_person_at = WANTS_PERSON, now
        emit(db, "chat.person_wanted", {"session_id": session.id})
    session.human_reason = body.reason or session.human_reason
    db.commit()
    minute = get_deadlines().calendar.working_time(now, now + timedelta(minutes=1))
    return {"available": bool(minute)}
