"""The workflow table, its checks, and what no sequence of actions may break."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from api.accounts.deps import SYSTEM, Actor
from api.accounts.models import Role
from api.cases.audit import broken_link
from api.cases.diagram import redraw
from api.cases.filing import Filing, file_case
from api.cases.models import Case
from api.cases.moves import apply_action
from api.cases.workflow import get_workflow, load_workflow
from api.cli import app
from api.errors import Problem
from api.triage.service import get_places
from classifier.taxonomy import RuleError

WORKFLOW = get_workflow()
CLERK = Actor("staff", "c", Role.CLERK)
HANDLER = Actor("staff", "h", Role.HANDLER)
GRID = Actor("staff", "g", Role.GRID)
SUPERVISOR = Actor("staff", "s", Role.SUPERVISOR)
RESIDENT = Actor("resident", "r", "resident")
EVERYBODY = [CLERK, HANDLER, GRID, SUPERVISOR, RESIDENT, SYSTEM]


@pytest.fixture
def new_case(db, fixed, clock):
    """Files a case: ``new_case("民政", "社区建设与选举")``."""

    def make(category: str = "城乡建设", subcategory: str = "路灯照明", urgency: str = "一般") -> Case:
        fixed.category, fixed.subcategory, fixed.urgency = category, subcategory, urgency
        filing = Filing("路灯坏了", "中韩社区", "王小明", "13800000001", False, "web", None)
        case, _created = file_case(db, filing, fixed, get_places(), clock.now, RESIDENT)
        return case

    return make


@pytest.fixture
def do(db, clock):
    """Does actions one minute apart: ``do(case, CLERK, "受理")``; gives back the case."""

    def act(case: Case, actor: Actor, action: str, **fields) -> Case:
        return apply_action(db, case, action, actor, clock.forward(minutes=1), **fields)

    return act


@pytest.fixture
def refused(do):
    """Tells with what status an action is refused."""

    def status(case: Case, actor: Actor, action: str, **fields) -> int:
        with pytest.raises(Problem) as caught:
            do(case, actor, action, **fields)
        return caught.value.status

    return status


@pytest.fixture
def dispatched(new_case, do):
    def make(*args) -> Case:
        case = do(new_case(*args), CLERK, "受理")
        return do(case, CLERK, "派单")

    return make


@pytest.fixture
def called_back(dispatched, do):
    def make(*args) -> Case:
        case = do(dispatched(*args), HANDLER, "接单")
        do(case, HANDLER, "反馈", answer="已修好")
        return do(case, CLERK, "回访", note="电话接通")

    return make


class TestReturns:
    def test_reviewed_by_the_dispatcher_the_first_time_by_coordination_the_second(self, dispatched, do, refused):
        case = dispatched()
        due = case.due_at
        do(case, HANDLER, "退单", reason="不是我们的灯")
        assert refused(case, SUPERVISOR, "协调", reason="x", department="区司法局", co_departments=[]) == 409
        do(case, CLERK, "同意退单")
        do(case, CLERK, "派单", department="国网崂山供电中心")
        do(case, HANDLER, "退单", reason="也不是我们的")
        assert refused(case, CLERK, "同意退单") == 409
        do(
            case,
            SUPERVISOR,
            "协调",
            reason="主办城管，供电配合",
            department="区城市管理局",
            co_departments=["国网崂山供电中心"],
        )
        assert (case.status, case.department, case.co_departments) == ("已派单", "区城市管理局", ["国网崂山供电中心"])
        assert case.due_at == due, "re-dispatch never restarts the reporter's deadline"

    def test_only_within_two_working_days(self, dispatched, clock, refused):
        case = dispatched()  # Tuesday
        clock.forward(days=3)  # Friday
        assert refused(case, HANDLER, "退单", reason="晚了") == 409

    def test_a_reason_is_needed(self, dispatched, refused):
        assert refused(dispatched(), HANDLER, "退单") == 422


class TestLevels:
    def test_up_from_the_street_to_the_district(self, dispatched, do, refused):
        case = dispatched("民政", "社会救助")
        assert case.level == "街道"
        do(case, HANDLER, "上报", reason="街道解决不了")
        assert (case.level, case.department, case.status) == ("区", "区民政局", "已派单")
        assert refused(case, HANDLER, "上报", reason="还要上") == 409

    def test_a_matter_of_a_functional_department_is_not_pushed_down(self, dispatched, refused):
        assert refused(dispatched(), CLERK, "下派", reason="让街道办") == 409

    def test_down_and_up_again_through_the_street_office(self, dispatched, do):
        case = dispatched("民政", "社会救助")
        do(case, CLERK, "下派", reason="社区先走访")
        assert (case.level, case.department) == ("社区", "中韩街道办事处")
        do(case, GRID, "上报", reason="需要街道出面")
        assert (case.level, case.department) == ("街道", "中韩街道办事处")

    def test_what_a_lower_level_answers_is_reviewed_before_the_call_back(self, dispatched, do, refused):
        case = do(dispatched("民政", "社会救助"), HANDLER, "接单")
        do(case, HANDLER, "反馈", answer="已救助")
        assert refused(case, CLERK, "回访", note="电话") == 409
        do(case, SUPERVISOR, "退回重办", reason="没有写结果")
        assert (case.status, case.answer) == ("办理中", None)
        do(case, HANDLER, "反馈", answer="已发放救助金 500 元")
        do(case, SUPERVISOR, "审核通过")
        assert do(case, CLERK, "回访", note="电话").status == "待评价"


class TestClock:
    def test_on_hold_the_deadline_waits(self, dispatched, do, clock):
        case = dispatched()
        due = case.due_at
        do(case, HANDLER, "挂起", reason="等配件")
        clock.forward(days=2)
        do(case, HANDLER, "恢复")
        assert due + timedelta(days=1) < case.due_at

    def test_an_answer_stops_the_clock_and_a_review_that_sends_it_back_costs_no_time(self, dispatched, do, clock):
        case = do(dispatched("民政", "社会救助"), HANDLER, "接单")
        due = case.due_at
        do(case, HANDLER, "反馈", answer="好了")
        assert case.clock_stopped_at == clock.now
        clock.forward(days=1)
        do(case, CLERK, "退回重办", reason="没好")
        assert case.clock_stopped_at is None
        assert case.due_at > due

    def test_one_extension_of_at_most_ten_days_once_approved(self, dispatched, do, refused):
        case = dispatched()
        due = case.due_at
        assert refused(case, HANDLER, "申请延期", reason="备件", days=11) == 409
        assert refused(case, CLERK, "批准延期", reason="x") == 409
        do(case, HANDLER, "申请延期", reason="备件", days=10)
        assert case.due_at == due
        do(case, CLERK, "批准延期", reason="备件要从外地调")
        assert case.due_at > due
        assert case.history[-1].public
        assert refused(case, HANDLER, "申请延期", reason="再来", days=1) == 409


class TestRating:
    def test_unsatisfied_reopens_once_with_the_old_history(self, called_back, do, clock):
        case = called_back()
        before = len(case.history)
        do(case, RESIDENT, "评价", stars=1, note="灯又坏了")
        assert (case.status, case.reopened_count, case.answer) == ("办理中", 1, None)
        assert case.clock_started_at == clock.now
        assert case.supervised_at == clock.now
        assert len(case.history) == before + 1
        do(case, HANDLER, "反馈", answer="换了整灯")
        do(case, CLERK, "回访", note="电话")
        assert do(case, RESIDENT, "评价", stars=2).status == "已办结"

    def test_satisfied_closes_and_is_rated_once(self, called_back, do, refused):
        case = do(called_back(), RESIDENT, "评价", stars=4)
        assert (case.status, case.reporter.stars) == ("已办结", 4)
        assert refused(case, RESIDENT, "评价", stars=5) == 409

    def test_seven_days_of_silence_close_it_too_and_a_late_rating_still_counts(self, called_back, do, refused, clock):
        case = called_back()
        assert refused(case, CLERK, "办结") == 409
        clock.forward(days=7)
        do(case, SYSTEM, "办结")
        assert case.status == "已办结"
        assert do(case, RESIDENT, "评价", stars=1).status == "办理中"

    def test_nothing_closes_without_an_answer(self, dispatched, refused):
        case = dispatched()
        assert refused(case, CLERK, "办结") == 409
        assert refused(case, RESIDENT, "评价", stars=5) == 409


class TestResidents:
    def test_urging_is_a_flag_and_possible_again_after_four_hours(self, dispatched, do, refused, clock):
        case = do(dispatched(), RESIDENT, "催办", note="快点")
        assert (case.status, case.urged_count) == ("已派单", 1)
        assert refused(case, RESIDENT, "催办") == 429
        clock.forward(hours=4)
        assert do(case, RESIDENT, "催办").urged_count == 2

    def test_withdrawing_and_adding(self, new_case, do, refused):
        case = do(new_case(), RESIDENT, "补充", note="在东门，打 13912345678")
        assert (case.status, case.history[-1].public) == ("待受理", True)
        do(case, RESIDENT, "撤回")
        assert case.status == "已撤回"
        assert refused(case, RESIDENT, "补充", note="等等") == 409

    def test_a_resident_does_none_of_the_staffs_work(self, new_case, refused):
        assert refused(new_case(), RESIDENT, "受理") == 403


class TestEmergency:
    def test_it_is_dispatched_without_waiting_for_acceptance_and_nothing_else_is(self, new_case, do, refused):
        assert refused(new_case(), CLERK, "派单") == 409
        assert do(new_case(urgency="特急"), CLERK, "派单").status == "已派单"


class TestMerging:
    def test_each_reporter_keeps_call_back_and_rating(self, db, new_case, dispatched, do, refused):
        main, other = dispatched(), new_case()
        do(other, CLERK, "并单", main_no=main.no, reason="同一盏灯")
        assert (other.status, other.merged_into) == ("已合并", main.no)
        assert refused(other, CLERK, "回访", note="主件还没办好") == 409
        do(main, HANDLER, "接单")
        do(main, HANDLER, "反馈", answer="已修好")
        do(other, CLERK, "回访", note="电话")
        do(other, RESIDENT, "评价", stars=2)
        assert (other.status, other.reporter.stars, main.reporter.stars) == ("已合并", 2, None)

    def test_never_transitive(self, new_case, do, refused):
        one, two, three = new_case(), new_case(), new_case()
        do(two, CLERK, "并单", main_no=one.no, reason="同一件")
        assert refused(three, CLERK, "并单", main_no=two.no, reason="链") == 409
        assert refused(one, CLERK, "并单", main_no=three.no, reason="主件") == 409
        assert refused(three, CLERK, "并单", main_no=three.no, reason="自己") == 409
        assert refused(three, CLERK, "并单", main_no="LX0", reason="没有") == 409

    def test_it_can_be_undone(self, new_case, do):
        one, two = new_case(), new_case()
        do(two, CLERK, "并单", main_no=one.no, reason="看错")
        do(two, CLERK, "取消并单", reason="不是同一盏")
        assert (two.status, two.merged_into, two.clock_stopped_at) == ("已受理", None, None)


FIELDS = {
    "reason": "原因",
    "note": "说明",
    "answer": "答复",
    "department": "区城市管理局",
    "co_departments": [],
    "days": 5,
    "stars": 3,
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(EVERYBODY),
            st.sampled_from(sorted({move.action for move in WORKFLOW.moves})),
            st.integers(1, 5),
            st.integers(0, 200),
        ),
        min_size=1,
        max_size=25,
    )
)
def test_whatever_is_tried_the_rules_hold(db, new_case, clock, steps):
    """Any sequence of actions by anybody: the status stays within the table, and what closed has its answer."""
    case = new_case()
    other = new_case()
    for actor, action, stars, hours in steps:
        status, count = case.status, len(case.history)
        try:
            # Half-way refusals are rolled back by the request; here by the savepoint.
            with db.begin_nested():
                fields = FIELDS | {"stars": stars, "main_no": other.no}
                apply_action(db, case, action, actor, clock.forward(hours=hours), **fields)
        except Problem:
            db.refresh(case)
            assert (case.status, len(case.history)) == (status, count)
            continue
        rows = [move for move in WORKFLOW.rows(action) if status in move.sources and actor.role in move.roles]
        assert case.status in {move.to or status for move in rows}
        assert len(case.history) == count + 1
    if case.status == "已办结":
        assert case.answer
        assert case.reporter.rated_at or case.called_back_at
    assert case.reopened_count <= 1
    assert case.due_at >= case.clock_started_at
    assert broken_link(db, case) is None
    db.rollback()


class TestTheFile:
    @pytest.mark.parametrize(
        ("old", "new", "word"),
        [
            ("roles: [clerk, admin], to: 已受理, public", "roles: [clark, admin], to: 已受理, public", "clark"),
            (
                "from: [待受理], roles: [clerk, admin], to: 已受理",
                "from: [待受], roles: [clerk, admin], to: 已受理",
                "待受",
            ),
            ("to: 挂起", "to: 挂着", "挂着"),
            ("sla: pause", "sla: halt", "halt"),
            ("needs: [stars]", "needs: [points]", "points"),
            ("when: unsatisfied_first", "when: sad", "sad"),
            ("checks: [urgent]", "checks: [urgently]", "urgently"),
            ("does: [supervise]", "does: [shout]", "shout"),
            ("first: 待受理", "first: 已办结", "已办结"),
            ("roles: [handler, admin], to: 挂起", "role: [handler], to: 挂起", "role"),
            ("when: unsatisfied_first, ", "", "轮不到"),
            ("to: 待评价", "to: 已反馈", "通向"),
        ],
    )
    def test_a_mistake_is_named_with_its_line(self, tmp_path, old, new, word):
        text = Path("nlu_data/workflow.yml").read_text("utf-8")
        assert old in text
        file = tmp_path / "workflow.yml"
        file.write_text(text.replace(old, new, 1), "utf-8")
        with pytest.raises(RuleError, match=word) as caught:
            load_workflow(file)
        assert str(caught.value).startswith(f"{file}:")
        assert caught.value.line > 0

    def test_the_diagram_in_the_docs_is_that_of_the_table(self, tmp_path):
        page = Path("docs/workflow.md").read_text("utf-8")
        assert redraw(page, WORKFLOW) == page, "运行 laoxian draw-workflow"
        copy = tmp_path / "page.md"
        copy.write_text(page.replace("s0 --> s1: 受理", "s0 --> s9: 受理"), "utf-8")
        assert CliRunner().invoke(app, ["draw-workflow", str(copy)]).exit_code == 0
        assert copy.read_text("utf-8") == page
        copy.write_text("没有图", "utf-8")
        assert CliRunner().invoke(app, ["draw-workflow", str(copy)]).exit_code == 1

    def test_every_role_has_something_to_do_in_some_status(self):
        for role in (*Role, "resident", "system"):
            if role != Role.TRAINER:
                assert any(WORKFLOW.actions(status, role) for status in WORKFLOW.open), role
