"""What the tests of the queue share: cases worth a look, trainers, a short way to answer."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from api.accounts.deps import Actor
from api.accounts.models import Role, User
from api.cases.filing import Filing, file_case
from api.cases.models import Case
from api.curation.gather import gather
from api.curation.labels import Label
from api.curation.models import CurationItem
from api.curation.rules import CurationRules, get_curation
from api.triage.service import get_places, get_triager
from tests.conftest import Clock, FixedTriager, MakeUser

LIGHTS = Label(kind="民生诉求", category="城乡建设", subcategory="路灯照明", urgency="一般")
NOISE = Label(kind="执法诉求", category="环境保护", subcategory="噪音污染", urgency="一般")


class Unsure(FixedTriager):
    """Says what it is told, and is not sure of it."""

    def triage(self, text: str, place: str | None = None):
        found = super().triage(text, place)
        found.confidence["category"] = 0.3
        return found


@pytest.fixture
def file(sessions: sessionmaker[Session], clock: Clock) -> Callable[..., str]:
    """Files a case of which the model is not sure; returns its number."""

    def make(description: str, name: str = "王小明", triager: FixedTriager | None = None) -> str:
        filing = Filing(description, "株洲路", name, "13800000001", False, "web", None)
        with sessions.begin() as db:
            resident = Actor("resident", "s", "resident")
            case, _ = file_case(db, filing, triager or Unsure(), get_places(), clock.now, resident)  # type: ignore[arg-type]
            return case.no

    return make


@pytest.fixture
def fill(sessions: sessionmaker[Session], clock: Clock) -> Callable[..., int]:
    """Fills the queue."""

    def run(rules: CurationRules | None = None) -> int:
        return gather(sessions, get_triager(), rules or get_curation(), clock.now)

    return run


@pytest.fixture
def people(make_user: MakeUser) -> list[User]:
    """Three trainers."""
    return [make_user(Role.TRAINER, f"trainer-{name}") for name in "abc"]


def item_of(db: Session, no: str) -> CurationItem:
    return db.scalars(select(CurationItem).where(CurationItem.origin == f"case:{no}")).one()


def case_of(db: Session, no: str) -> Case:
    return db.scalars(select(Case).where(Case.no == no)).one()
