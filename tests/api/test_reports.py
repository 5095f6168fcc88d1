"""What a grid worker reports from the street becomes a case like any other; on both databases."""

import pytest
from sqlalchemy import func, select

from api.accounts.deps import SYSTEM
from api.accounts.models import Role
from api.accounts.scope import visible_cases
from api.cases.models import Case
from api.chat import attachments, location
from api.chat.enclosures import Attachment, Position
from api.chat.models import ChatMessage, ChatSession
from api.chat.reports import Report, develop, report
from api.errors import Problem
from api.outbox.models import OutboxEvent
from api.privacy.erasure import erase_case
from api.triage.service import get_places
from tests.chat.photos import from_a_phone, photo

HERE = location.Where(36.144, 120.484, 18)


@pytest.fixture
def worker(make_user):
    """A grid worker of 枯桃社区."""
    return make_user(Role.GRID, street="中韩街道", community="枯桃社区")


def told(text="人行道塌了一块", place="", where=None, photos=(), key="key") -> Report:
    """A report."""
    return Report(text, place, where, [develop(one) for one in photos], key)


def file(sessions, worker, what, fixed, now) -> str:
    """Files it; returns the number."""
    with sessions.begin() as db:
        return report(db, worker, what, fixed, get_places(), now)[0].no


def test_a_report_is_a_case_with_photos_and_position(sessions, worker, fixed, clock):
    no = file(sessions, worker, told(where=HERE, photos=[from_a_phone(), photo()]), fixed, clock.now)
    with sessions() as db:
        case = db.scalars(select(Case).where(visible_cases(worker))).one()
        assert (case.no, case.source, case.status, case.category) == (no, "grid", "待受理", fixed.category)
        assert (case.place_text, case.community) == ("中韩街道枯桃社区附近", "枯桃社区")
        assert [(row.action, row.actor_kind, row.actor_role) for row in case.history] == [("提交", "staff", "grid")]
        assert [one.width for one in attachments.of_case(db, case)] == [480, 640]
        assert location.of_case(db, case) == HERE
        events = db.scalars(select(OutboxEvent).where(OutboxEvent.topic == "case.filed")).all()
        assert [one.payload for one in events] == [{"case_no": no, "source": "grid", "urgency": "一般"}]
        # Nobody can open the conversation that holds the photos, and no news goes there.
        assert db.scalars(select(ChatSession.token_hash)).one().startswith("ended:")
        assert case.reporter.session_id is None


def test_the_same_report_again_is_the_same_case(sessions, worker, fixed, clock):
    numbers = {file(sessions, worker, told(photos=[photo()]), fixed, clock.now) for _ in range(2)}
    with sessions() as db:
        assert numbers == set(db.scalars(select(Case.no)))
        assert db.scalar(select(func.count()).select_from(Attachment)) == 1


@pytest.mark.parametrize(
    ("text", "place", "where", "wanted", "community"),
    [
        ("灯不亮", "", None, "中韩街道枯桃社区", "枯桃社区"),
        ("灯不亮", "三号楼二单元", None, "中韩街道枯桃社区三号楼二单元", "枯桃社区"),
        ("灯不亮", "东韩社区门口", None, "东韩社区门口", "东韩社区"),
        ("东韩社区的灯不亮", "", None, None, "东韩社区"),
        ("灯不亮", "", HERE, "中韩街道枯桃社区附近", "枯桃社区"),
        ("灯不亮", "市南区五四广场", None, "市南区五四广场", None),
        ("灯不亮", "", location.Where(36.0, 120.2), "黄岛区", None),
        ("灯不亮", "", location.Where(39.9, 116.4), "崂山区以外", None),
    ],
)
def test_where_it_is(sessions, worker, fixed, clock, text, place, where, wanted, community):
    file(sessions, worker, told(text, place, where), fixed, clock.now)
    with sessions() as db:
        case = db.scalars(select(Case)).one()
        assert (case.place_text, case.community) == (wanted, community)


@pytest.mark.parametrize(
    ("what", "status"),
    [
        (told("  "), 422),
        (told("长" * 20_001), 422),
        (told(place="长" * 301), 422),
        (told(photos=[photo((50 + n, 50)) for n in range(7)]), 409),
    ],
    ids=["empty", "huge", "place", "photos"],
)
def test_a_wrong_report_leaves_nothing_behind(sessions, worker, fixed, clock, what, status):
    with pytest.raises(Problem) as caught:
        file(sessions, worker, what, fixed, clock.now)
    assert caught.value.status == status
    with sessions() as db:
        assert [db.scalar(select(func.count()).select_from(each)) for each in (Case, ChatSession, Attachment)] == [
            0
        ] * 3


def test_an_erasure_reaches_what_was_reported(sessions, worker, fixed, clock):
    file(sessions, worker, told(where=HERE, photos=[photo()]), fixed, clock.now)
    with sessions.begin() as db:
        case = db.scalars(select(Case)).one()
        case.status = "已办结"
        erase_case(db, case, clock.now, SYSTEM, "保存期限已满")
    with sessions() as db:
        left = (Attachment, Position, ChatMessage, ChatSession)
        assert [db.scalar(select(func.count()).select_from(each)) for each in left] == [0] * 4
        assert db.scalars(select(Case)).one().reporter.name is None
