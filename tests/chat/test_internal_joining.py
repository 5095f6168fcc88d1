"""One message of several matters, near duplicates before filing, and several residents with one matter."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

import api.chat.news
import api.notices.subscribers  # noqa: F401  both register themselves
from api.accounts.models import Role
from api.cases.models import Case, Reporter
from api.chat.models import ChatSession, Draft
from api.chat.store import new_draft
from api.notices.models import Notice
from api.outbox.delivery import deliver_due
from tests.chat.conftest import Actions, Look, Resident
from tests.chat.test_internal import draft_of
from tests.conftest import Clock, FixedTriager

SignIn = Callable[..., dict[str, str]]
LAMP = "枯桃社区北门路灯三天不亮了"
SAME = "枯桃社区北门的路灯坏了三天了，不亮"
FIRST = {"description": LAMP, "place_text": "枯桃社区北门", "phone": "13800000001", "name": "王小明"}
NEW = {"phone": "13900000002", "name": "赵小红", "anonymous": False}


class Neighbour(Resident):
    """A resident with a draft of their own."""

    def __init__(self, client: TestClient, actions: Actions, look: Look) -> None:
        super().__init__(client)
        self.actions, self.draft = actions, draft_of(self, look)

    def file(self, **fields: Any) -> Any:
        return self.actions.file(self.draft, **(FIRST | {"anonymous": False} | fields))

    def similar(self, description: str = SAME, place_text: str | None = "枯桃社区北门") -> list[dict[str, Any]]:
        body = {"description": description, "place_text": place_text}
        answer = self.actions.call("POST", f"drafts/{self.draft}/similar", body)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["similar"]
        return found

    def follow(self, case_no: str, **fields: Any) -> Any:
        return self.actions.call("POST", f"drafts/{self.draft}/follow", {"case_no": case_no, **NEW, **fields})

    def act(self, case_no: str, action: str, **fields: Any) -> Any:
        path = f"drafts/{self.draft}/cases/{case_no}/actions"
        return self.actions.call("POST", path, {"action": action, **fields})

    def cases(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.actions.call("GET", f"drafts/{self.draft}/cases").json()["cases"]
        return found


Neighbours = Callable[[], Neighbour]


@pytest.fixture
def neighbour(client: TestClient, actions: Actions, look: Look) -> Neighbours:
    """Opens one more conversation."""
    return lambda: Neighbour(client, actions, look)


@pytest.fixture
def joined(neighbour: Neighbours) -> tuple[str, Neighbour, Neighbour]:
    """A case with its reporter and a follower."""
    first, second = neighbour(), neighbour()
    no = first.file().json()["case_no"]
    assert [one["case_no"] for one in second.similar()] == [no]
    assert second.follow(no).status_code == 200
    return no, first, second


Staff = Callable[..., dict[str, Any]]


@pytest.fixture
def staff(client: TestClient, sign_in: SignIn, clock: Clock) -> Staff:
    """Does workflow actions as an administrator, one minute apart; gives back the case."""

    def act(no: str, action: str | None = None, **fields: Any) -> dict[str, Any]:
        admin = sign_in(Role.ADMIN)
        clock.forward(minutes=1)
        if action is None:
            answer = client.get(f"/api/v1/cases/{no}", headers=admin)
        else:
            answer = client.post(f"/api/v1/cases/{no}/actions", json={"action": action, **fields}, headers=admin)
        assert answer.status_code == 200, answer.text
        case: dict[str, Any] = answer.json()
        return case

    return act


def answered(staff: Staff, no: str) -> None:
    """Takes a case to 已反馈."""
    for action, fields in (("受理", {}), ("派单", {}), ("接单", {}), ("反馈", {"answer": "灯已修好"})):
        staff(no, action, **fields)


class TestSeveralMatters:
    MATTERS = ("枯桃社区北门路灯不亮", "垃圾桶三天没人清", "中韩社区门口污水外溢")

    def test_each_is_a_case_and_they_know_each_other(self, neighbour: Neighbours, staff: Staff) -> None:
        one = neighbour()
        filed = one.file(description="三件事", matters=self.MATTERS)
        assert filed.status_code == 201
        cases = filed.json()["cases"]
        assert [case["summary"] for case in cases] == list(self.MATTERS)
        assert filed.json()["case_no"] == cases[0]["case_no"]
        assert set(cases[0]) == {"case_no", "summary", "department", "due_at", "urgency"}
        numbers = [case["case_no"] for case in cases]
        assert len(set(numbers)) == 3
        assert staff(numbers[1])["related"] == [numbers[0], numbers[2]]
        mine = {case["case_no"]: case["related"] for case in one.cases()}
        assert mine[numbers[0]] == numbers[1:]

    def test_sent_again_they_are_the_same(self, neighbour: Neighbours, look: Look) -> None:
        one = neighbour()
        first = one.file(description="三件事", matters=self.MATTERS)
        again = one.file(description="三件事", matters=self.MATTERS)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() | {"created": False} == again.json()
        assert look(select(func.count()).select_from(Case)) == [3]

    def test_a_matter_elsewhere_keeps_its_own_place(self, neighbour: Neighbours, look: Look) -> None:
        neighbour().file(description="三件事", matters=self.MATTERS)
        assert look(select(Case.community).order_by(Case.id)) == ["枯桃社区", "枯桃社区", "中韩社区"]

    def test_one_matter_is_one_case_by_itself(self, neighbour: Neighbours, staff: Staff) -> None:
        filed = neighbour().file().json()
        assert [case["case_no"] for case in filed["cases"]] == [filed["case_no"]]
        assert staff(filed["case_no"])["related"] == []

    def test_an_alarm_that_no_matter_explains_is_for_all(self, neighbour: Neighbours, look: Look) -> None:
        neighbour().file(description="三件事", matters=self.MATTERS, emergency=True)
        assert look(select(Case.urgency)) == ["特急"] * 3

    @pytest.mark.parametrize("matters", [["一", ""], ["一"] * 6])
    def test_empty_ones_and_more_than_five_are_refused(self, neighbour: Neighbours, matters: list[str]) -> None:
        assert neighbour().file(matters=matters).status_code == 422

    def test_staff_see_only_the_related_ones_in_their_scope(
        self, neighbour: Neighbours, client: TestClient, sign_in: SignIn
    ) -> None:
        cases = neighbour().file(description="三件事", matters=self.MATTERS).json()["cases"]
        grid = sign_in(Role.GRID, community="枯桃社区")
        seen = client.get(f"/api/v1/cases/{cases[0]['case_no']}", headers=grid).json()
        assert seen["related"] == [cases[1]["case_no"]]


class TestSimilar:
    def test_a_neighbours_case_is_offered_without_anything_personal(self, neighbour: Neighbours) -> None:
        story = f"我叫王小明，住3单元502室，车牌鲁B12345，{LAMP}，电话13800000001"
        no = neighbour().file(description=story, place_text="枯桃社区北门3号楼2单元501").json()["case_no"]
        (found,) = neighbour().similar(story.replace("王小明", "赵小红").replace("3单元502室", "1单元101室"))
        assert set(found) == {"case_no", "summary", "place", "status", "department", "created_at", "own"}
        assert (found["case_no"], found["own"], found["status"]) == (no, False, "待受理")
        for private in ("小明", "502", "501", "单元", "12345", "1380", "0001"):
            assert private not in found["summary"] + found["place"]
        assert "枯桃社区" in found["place"]

    @pytest.mark.parametrize(
        ("description", "place"),
        [
            (SAME, "中韩社区北门"),
            (SAME, "枯桃社区9号楼"),
            ("枯桃社区北门垃圾没人清", "枯桃社区北门"),
            (SAME, "说不清"),
            (SAME, None),
        ],
    )
    def test_elsewhere_or_something_else_is_not(
        self, neighbour: Neighbours, description: str, place: str | None, fixed: FixedTriager
    ) -> None:
        neighbour().file(place_text="枯桃社区3号楼")
        description = description if place else "路灯坏了三天了，不亮"
        assert neighbour().similar(description, place) == []

    def test_another_class_is_not(self, neighbour: Neighbours, fixed: FixedTriager) -> None:
        neighbour().file()
        fixed.subcategory = "环境卫生"
        assert neighbour().similar() == []

    def test_what_is_private_is_offered_in_its_own_conversation_only(
        self, neighbour: Neighbours, fixed: FixedTriager, sessions: sessionmaker[Session], clock: Clock
    ) -> None:
        fixed.category, fixed.subcategory = "劳动和社会保障", "拖欠工资"
        first = neighbour()
        first.file()
        # The same phone, typed by whoever: it must not tell what its owner has reported.
        other = neighbour()
        other.actions.call("PUT", f"drafts/{other.draft}", FIRST)
        assert other.similar() == []
        with sessions.begin() as db:
            first.draft = new_draft(db, db.get_one(ChatSession, first.id), clock.now)
        assert [one["own"] for one in first.similar()] == [True]

    def test_old_ones_and_those_long_closed_are_not(self, neighbour: Neighbours, staff: Staff, clock: Clock) -> None:
        no = neighbour().file().json()["case_no"]
        answered(staff, no)
        staff(no, "回访", note="通")
        staff(no, "评价", stars=5)
        assert len(neighbour().similar()) == 1
        clock.forward(days=8)
        assert neighbour().similar() == []
        neighbour().file()
        clock.forward(days=31)
        assert neighbour().similar() == []

    def test_two_at_most_and_none_in_danger(self, neighbour: Neighbours) -> None:
        for _ in range(3):
            neighbour().file()
        one = neighbour()
        assert len(one.similar()) == 2
        one.actions.call("PUT", f"drafts/{one.draft}", FIRST | {"emergency": True, "emergency_number": "119"})
        assert one.similar() == []

    def test_a_case_without_embedding_is_passed_over(
        self, neighbour: Neighbours, sessions: sessionmaker[Session]
    ) -> None:
        no = neighbour().file().json()["case_no"]
        with sessions.begin() as db:
            db.scalars(select(Case).where(Case.no == no)).one().embedding = None
        assert neighbour().similar() == []


class TestFollowing:
    def test_only_what_was_offered_can_be_joined(self, neighbour: Neighbours, look: Look) -> None:
        no = neighbour().file().json()["case_no"]
        assert neighbour().follow(no).status_code == 404
        assert look(select(func.count()).select_from(Reporter)) == [1]

    def test_joining_is_done_once_and_ends_the_draft(
        self, joined: tuple[str, Neighbour, Neighbour], staff: Staff, look: Look
    ) -> None:
        no, _first, second = joined
        again = second.follow(no)
        assert (again.status_code, again.json()["case_no"], again.json()["followers"]) == (200, no, 1)
        assert look(select(Draft.case_no).where(Draft.id == second.draft)) == [no]
        case = staff(no)
        assert (case["followers"], case["reporter"]["phone"]) == (1, "138****0001")
        assert [(one["number"], one["name"], one["phone"]) for one in case["reporters"]] == [
            (1, "王**", "138****0001"),
            (2, "赵**", "139****0002"),
        ]
        assert [row["action"] for row in case["history"]] == ["提交", "加入关注"]

    def test_staff_read_how_the_follower_told_it(self, neighbour: Neighbours, staff: Staff) -> None:
        no = neighbour().file().json()["case_no"]
        second = neighbour()
        second.similar()
        second.actions.call("PUT", f"drafts/{second.draft}", {"description": "北门东边两盏都不亮，打13900000002"})
        second.follow(no)
        assert staff(no)["history"][-1]["note"] == "北门东边两盏都不亮，打139****0002"

    def test_an_anonymous_followers_name_is_not_kept(self, neighbour: Neighbours, look: Look) -> None:
        no = neighbour().file().json()["case_no"]
        second = neighbour()
        second.similar()
        second.follow(no, anonymous=True)
        assert look(select(Reporter.name).order_by(Reporter.id)) == ["王小明", None]

    def test_each_reads_what_is_theirs(self, joined: tuple[str, Neighbour, Neighbour], staff: Staff) -> None:
        no, first, second = joined
        first.act(no, "补充", note="我住3单元502，打13800000001")
        assert second.cases()[0]["last_note"] is None
        second.act(no, "补充", note="东边那盏也不亮")
        assert first.cases()[0]["last_note"] == "我住3单元502，打13800000001"
        assert second.cases()[0]["last_note"] == "东边那盏也不亮"
        answered(staff, no)
        staff(no, "回访", note="王先生说好了")
        assert [one.cases()[0]["last_note"] for one in (first, second)] == ["王先生说好了", "灯已修好"]

    def test_each_rates_and_the_main_one_closes(
        self, joined: tuple[str, Neighbour, Neighbour], staff: Staff, sessions: sessionmaker[Session], clock: Clock
    ) -> None:
        no, first, second = joined
        answered(staff, no)
        assert second.act(no, "评价", stars=1).status_code == 409, "nobody has been told yet"
        staff(no, "回访", reporter=2, note="电话接通")
        assert second.act(no, "评价", stars=1).json()["status"] == "已反馈"
        assert second.act(no, "评价", stars=5).status_code == 409
        assert staff(no)["status"] == "已反馈"
        staff(no, "回访", note="电话接通")
        assert first.act(no, "评价", stars=5).json()["status"] == "已办结"
        assert [one["stars"] for one in staff(no)["reporters"]] == [5, 1]
        deliver_due(sessions, clock.now)
        with sessions() as db:
            titles = list(db.scalars(select(Notice.title)))
        assert f"关注的居民不满意：{no}" in titles

    def test_reopening_lets_everybody_judge_the_next_answer(
        self, joined: tuple[str, Neighbour, Neighbour], staff: Staff
    ) -> None:
        no, first, second = joined
        answered(staff, no)
        staff(no, "回访", note="x")
        assert second.act(no, "评价", stars=2).status_code == 200
        assert first.act(no, "评价", stars=1).json()["status"] == "办理中"
        staff(no, "反馈", answer="换了新灯")
        staff(no, "回访", note="x")
        assert second.act(no, "评价", stars=4).status_code == 200

    def test_one_withdraws_and_the_case_goes_on(self, joined: tuple[str, Neighbour, Neighbour], staff: Staff) -> None:
        no, first, second = joined
        assert first.act(no, "撤回").json()["status"] == "已撤回"
        case = staff(no)
        assert (case["status"], case["followers"], case["reporter"]["phone"]) == ("待受理", 0, "139****0002")
        assert first.act(no, "催办").status_code == 409
        assert second.act(no, "撤回").json()["status"] == "已撤回"
        assert staff(no)["status"] == "已撤回"

    def test_news_reach_everybody_who_stays(
        self, joined: tuple[str, Neighbour, Neighbour], staff: Staff, sessions: sessionmaker[Session], clock: Clock
    ) -> None:
        no, first, second = joined
        staff(no, "受理")
        staff(no, "派单")
        deliver_due(sessions, clock.now)
        for one in (first, second):
            assert [line["text"] for line in one.transcript(after=2)] == [f"{no} 已派给区城市管理局办理。"]
        second.act(no, "撤回")
        staff(no, "挂起", reason="等配件")
        deliver_due(sessions, clock.now)
        assert (len(first.transcript(after=2)), len(second.transcript(after=2))) == (2, 1)

    def test_a_call_back_is_news_for_the_one_called(
        self, joined: tuple[str, Neighbour, Neighbour], staff: Staff, sessions: sessionmaker[Session], clock: Clock
    ) -> None:
        no, first, second = joined
        answered(staff, no)
        staff(no, "回访", reporter=2, note="x")
        deliver_due(sessions, clock.now)
        assert not any("打个分" in line["text"] for line in first.transcript())
        assert any("打个分" in line["text"] for line in second.transcript())

    def test_the_phone_proven_decides_who_acts(
        self, joined: tuple[str, Neighbour, Neighbour], neighbour: Neighbours, staff: Staff
    ) -> None:
        no, _first, _second = joined
        other = neighbour()
        other.actions.call("POST", f"drafts/{other.draft}/lookup", {"case_no": no, "phone_last4": "0002"})
        answered(staff, no)
        staff(no, "回访", note="x")
        assert other.act(no, "评价", stars=3).json()["status"] == "待评价"

    def test_nobody_joins_a_closed_case(self, neighbour: Neighbours, staff: Staff) -> None:
        no = neighbour().file().json()["case_no"]
        second = neighbour()
        second.similar()
        staff(no, "不予受理", reason="不归本区")
        assert second.follow(no).status_code == 409

    def test_numbers_in_an_answer_to_somebody_else_are_masked(
        self, joined: tuple[str, Neighbour, Neighbour], staff: Staff, sessions: sessionmaker[Session], clock: Clock
    ) -> None:
        no, _first, second = joined
        for action, fields in (("受理", {}), ("派单", {}), ("接单", {}), ("反馈", {"answer": "已电联13800000001"})):
            staff(no, action, **fields)
        staff(no, "回访", reporter=2, note="x")
        deliver_due(sessions, clock.now)
        assert "13800000001" not in str(second.transcript())
        assert "13800000001" not in str(second.cases())

    def test_news_of_the_main_case_reach_the_reporters_of_merged_ones(
        self, neighbour: Neighbours, staff: Staff, sessions: sessionmaker[Session], clock: Clock
    ) -> None:
        first, second = neighbour(), neighbour()
        main, twin = first.file().json()["case_no"], second.file().json()["case_no"]
        staff(twin, "并单", main_no=main, reason="同一盏灯")
        staff(main, "受理")
        staff(main, "派单")
        deliver_due(sessions, clock.now)
        assert second.transcript()[-1]["text"] == f"{twin}（已并入 {main}） 已派给区城市管理局办理。"
        assert len(first.transcript(after=2)) == 1

    def test_staff_reveal_one_of_several_and_never_an_anonymous_one_to_a_handler(
        self, neighbour: Neighbours, client: TestClient, sign_in: SignIn
    ) -> None:
        no = neighbour().file(anonymous=True, description=f"{LAMP}，打13800000001").json()["case_no"]
        second = neighbour()
        second.similar()
        second.follow(no)
        handler = sign_in(Role.HANDLER, department="区城市管理局")

        def reveal(**which: int) -> Any:
            return client.post(f"/api/v1/cases/{no}/reveal", json={"reason": "核实", **which}, headers=handler)

        assert reveal().status_code == 403
        seen = reveal(reporter=2)
        assert seen.json()["reporter"]["phone"] == "13900000002"
        assert "13800000001" not in seen.text
        assert reveal(reporter=3).status_code == 422
