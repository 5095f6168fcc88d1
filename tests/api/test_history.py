"""The history cannot be edited, and an edit behind the service's back shows."""

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DatabaseError

from api.accounts.deps import SYSTEM
from api.cases.audit import broken_link
from api.cases.filing import Filing, file_case
from api.cases.models import CaseHistory
from api.cases.moves import apply_action
from api.triage.service import get_places


@pytest.fixture
def case(db, fixed, clock):
    filing = Filing("路灯坏了", "中韩社区", "王小明", "13800000001", False, "web", None)
    made, _created = file_case(db, filing, fixed, get_places(), clock.now, SYSTEM)
    for _ in range(3):
        apply_action(db, made, "补充", SYSTEM.__class__("resident", "r", "resident"), clock.now, note="还没修")
    db.commit()
    return made


@pytest.mark.parametrize("statement", [update(CaseHistory).values(action="派单"), delete(CaseHistory)])
def test_the_database_refuses_update_and_delete(db, case, statement):
    with pytest.raises(DatabaseError, match="append-only"):
        db.execute(statement)


def without_guard(db, statement: str) -> None:
    """Does what only somebody with rights over the database itself can."""
    if db.get_bind().dialect.name == "sqlite":
        db.execute(text("DROP TRIGGER case_history_no_UPDATE"))
        db.execute(text("DROP TRIGGER case_history_no_DELETE"))
    else:
        db.execute(text("SET LOCAL session_replication_role = replica"))
    db.execute(text(statement))
    db.commit()
    db.expire_all()


class TestTheChain:
    def test_holds(self, db, case):
        assert broken_link(db, case) is None

    @pytest.mark.parametrize(
        ("statement", "seq"),
        [
            ("UPDATE case_history SET actor_id = 'someone' WHERE seq = 2", 2),
            ("UPDATE case_history SET public = NOT public WHERE seq = 4", 4),
            ("DELETE FROM case_history WHERE seq = 3", 3),
            ("DELETE FROM case_history WHERE seq = 4", 4),
        ],
    )
    def test_shows_an_edit_and_a_gap(self, db, case, statement, seq):
        without_guard(db, statement)
        assert broken_link(db, case) == seq
