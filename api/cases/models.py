"""Tables of cases, their reporters, their history and the overrides that become training feedback."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    DDL,
    JSON,
    Boolean,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    bindparam,
    event,
    text,
)
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship
from sqlalchemy.orm.attributes import get_history

from api.cases.words import POSTGRES_INDEX, SQLITE_INDEX, Document, document
from api.columns import Names, UtcDateTime
from api.crypto import EncryptedText
from api.db import Base


class Case(Base):
    """One matter (诉求件).

    ``suggestion`` is what the model said at filing and never changes; ``kind`` … ``level`` are what holds now.
    Flags (督办, 催办, 黄牌, 红牌) are moments beside the status, since work goes on under them.
    """

    __tablename__ = "cases"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    no: Mapped[str] = mapped_column(String(20), unique=True)
    idempotency_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    status: Mapped[str] = mapped_column(String(8))
    kind: Mapped[str] = mapped_column(String(8))
    category: Mapped[str] = mapped_column(String(32))
    subcategory: Mapped[str] = mapped_column(String(32))
    urgency: Mapped[str] = mapped_column(String(4))
    department: Mapped[str] = mapped_column(String(64))
    co_departments: Mapped[list[str]] = mapped_column(Names, default=list)
    level: Mapped[str] = mapped_column(String(4))
    needs_review: Mapped[bool] = mapped_column(Boolean, default=False)
    suggestion: Mapped[dict[str, Any]] = mapped_column(JSON)

    # Searchable text has its phone numbers masked; the original is sealed beside it when it held any.
    description: Mapped[str] = mapped_column(Text)
    description_sealed: Mapped[str | None] = mapped_column(EncryptedText)
    place_text: Mapped[str | None] = mapped_column(Text)
    street: Mapped[str | None] = mapped_column(String(64))
    community: Mapped[str | None] = mapped_column(String(64))
    grid: Mapped[str | None] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(16))
    session_id: Mapped[str | None] = mapped_column(String(64), index=True)
    draft_id: Mapped[str | None] = mapped_column(String(64))
    # Cases that one message told of share it.
    group: Mapped[str | None] = mapped_column("group_key", String(64), index=True)
    # What the encoder of ``suggestion["model_version"]`` makes of the description, float16; for near duplicates only.
    embedding: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)

    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    clock_started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    dispatch_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_action_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    yellow_due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    pauses: Mapped[list[list[str]]] = mapped_column(JSON, default=list)
    clock_stopped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    dispatched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    called_back_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    yellow_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    red_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    supervised_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    urged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    urged_count: Mapped[int] = mapped_column(Integer, default=0)
    returned_count: Mapped[int] = mapped_column(Integer, default=0)
    reopened_count: Mapped[int] = mapped_column(Integer, default=0)
    extension_asked: Mapped[int | None] = mapped_column(Integer)
    extension_days: Mapped[int] = mapped_column(Integer, default=0)
    answer: Mapped[str | None] = mapped_column(EncryptedText)
    reviewed: Mapped[bool] = mapped_column(Boolean, default=False)
    merged_into: Mapped[str | None] = mapped_column(ForeignKey("cases.no"), index=True)
    # Where the history ends, under a seal: a row cut off at the end shows.
    history_head: Mapped[str | None] = mapped_column(String(64))
    history_count: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    history_seal: Mapped[str | None] = mapped_column(String(64))
    # When names, numbers and words were erased; facts and history stay.
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    reporters: Mapped[list["Reporter"]] = relationship(
        back_populates="case", order_by="Reporter.id", cascade="save-update, merge"
    )
    merged: Mapped[list["Case"]] = relationship(order_by="Case.id", viewonly=True)
    history: Mapped[list["CaseHistory"]] = relationship(
        back_populates="case", order_by="CaseHistory.seq", viewonly=True
    )
    overrides: Mapped[list["TriageFeedback"]] = relationship(
        back_populates="case", order_by="TriageFeedback.id", viewonly=True
    )

    __table_args__ = (
        # A queue: counted and put in order without reading a case, within any scope.
        Index(
            "ix_cases_queue",
            *("status", "urgency", "due_at", "id"),
            postgresql_include=(
                *("needs_review", "extension_asked", "department", "co_departments", "street", "community"),
            ),
        ),
        Index("ix_cases_department_status", "department", "status"),
        Index("ix_cases_street_community", "street", "community"),
        # The cards of each minute: only clocks that still run.
        Index("ix_cases_running", "clock_stopped_at", "due_at"),
        # What was closed of late, on the supervisor's board; what has been closed for too long.
        Index("ix_cases_closed", "closed_at"),
        # Near duplicates, and past answers to the same kind of matter: a slice of time of one street or one class.
        Index("ix_cases_near", "street", "category", "created_at"),
        Index("ix_cases_class", "category", "subcategory", "created_at"),
    )

    @property
    def reporter(self) -> "Reporter":
        """The main one: who filed the case or, when they have left it to the others, the first of these."""
        return next((one for one in self.reporters if one.left_at is None), self.reporters[0])

    @property
    def followers(self) -> int:
        """How many others report the same matter: on this case, and on those merged into it."""
        here = sum(one.left_at is None for one in self.reporters)
        return here - 1 + sum(len(case.reporters) for case in self.merged)

    @property
    def full_description(self) -> str:
        """The reporter's own words, with every number in clear: for the model and for who may see it."""
        return self.description_sealed or self.description


class Reporter(Base):
    """Somebody who reported a case, with their own call-back and rating. A merged case keeps its reporters.

    Attributes:
        session_id: the chat session from which they did, where their news goes.
        left_at: when they withdrew while others stayed; the case then goes on without them.
    """

    __tablename__ = "reporters"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    name: Mapped[str | None] = mapped_column(EncryptedText)
    phone: Mapped[str | None] = mapped_column(EncryptedText)
    phone_index: Mapped[str | None] = mapped_column(String(64), index=True)
    anonymous: Mapped[bool] = mapped_column(Boolean, default=False)
    session_id: Mapped[str | None] = mapped_column(String(64), index=True)
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    called_back_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    stars: Mapped[int | None] = mapped_column(Integer)
    rated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    case: Mapped[Case] = relationship(back_populates="reporters")


class CaseHistory(Base):
    """One change of one case. Database triggers refuse every update and delete; ``hash`` chains the rows of a case."""

    __tablename__ = "case_history"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    seq: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_kind: Mapped[str] = mapped_column(String(8))
    actor_id: Mapped[str] = mapped_column(String(64))
    actor_role: Mapped[str] = mapped_column(String(16))
    action: Mapped[str] = mapped_column(String(32))
    before: Mapped[dict[str, Any]] = mapped_column(JSON)
    after: Mapped[dict[str, Any]] = mapped_column(JSON)
    note: Mapped[str | None] = mapped_column(EncryptedText)
    note_digest: Mapped[str | None] = mapped_column(String(64))
    # False keeps a note between staff: the reporter never reads it.
    public: Mapped[bool] = mapped_column(Boolean, default=False)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    case: Mapped[Case] = relationship(back_populates="history", viewonly=True)

    __table_args__ = (UniqueConstraint("case_id", "seq"),)


class TriageFeedback(Base):
    """A staff override: what the model suggested, what a person decided, and why. Trainers learn from it."""

    __tablename__ = "triage_feedback"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_id: Mapped[str] = mapped_column(String(64))
    suggested: Mapped[dict[str, Any]] = mapped_column(JSON)
    decided: Mapped[dict[str, Any]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(Text)
    model_version: Mapped[str | None] = mapped_column(String(64))

    case: Mapped[Case] = relationship(back_populates="overrides", viewonly=True)


class CaseCounter(Base):
    """The last number given out on a day (Asia/Shanghai)."""

    __tablename__ = "case_counters"

    day: Mapped[str] = mapped_column(String(8), primary_key=True)
    last: Mapped[int] = mapped_column(Integer)


class CaseWords(Base):
    """What a case is found by. Kept with every write of a case, whoever makes it; SQLite's index has triggers."""

    __tablename__ = "case_words"

    case_id: Mapped[int] = mapped_column(
        ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    words: Mapped[list[str]] = mapped_column(Document)


for _dialect, _statements in (("postgresql", POSTGRES_INDEX), ("sqlite", SQLITE_INDEX)):
    for _statement in _statements:
        event.listen(CaseWords.__table__, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]
# On PostgreSQL the index goes with the table; SQLite's is a table of its own.
_drop = DDL("DROP TABLE IF EXISTS case_words_index").execute_if(dialect="sqlite")  # type: ignore[no-untyped-call]
event.listen(CaseWords.__table__, "after_drop", _drop)

SEARCHED = (
    *("no", "category", "subcategory", "description", "place_text", "street", "community", "answer"),
    *("department", "co_departments"),
)
"""The columns of a case that ``document`` reads, in its order."""
_KEEP_WORDS = text(
    "INSERT INTO case_words (case_id, words) VALUES (:case_id, :words) "
    "ON CONFLICT (case_id) DO UPDATE SET words = excluded.words"
).bindparams(bindparam("words", type_=Document))


@event.listens_for(Case, "after_insert")
def keep_words(_mapper: Mapper[Case] | None, connection: Connection, case: Case) -> None:
    """Writes anew what ``case`` is found by."""
    words = document(*(getattr(case, name) for name in SEARCHED))
    connection.execute(_KEEP_WORDS, {"case_id": case.id, "words": words})


@event.listens_for(Case, "after_update")
def _keep_changed(mapper: Mapper[Case], connection: Connection, case: Case) -> None:
    if any(get_history(case, name).added for name in SEARCHED):
        keep_words(mapper, connection, case)
