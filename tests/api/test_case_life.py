"""A case walked through the workflow table by everybody: the service and the oracle must agree at every step.

Never an illegal move accepted, never a legal one refused, no dead end, no deadline silently restarted.
"""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from api.accounts.deps import Actor
from api.accounts.models import Role
from api.cases.audit import broken_link
from api.cases.filing import Filing, file_case
from api.cases.following import follow
from api.cases.models import Case
from api.cases.moves import apply_action
from api.cases.override import Override, override_triage
from api.cases.reporters import Contact
from api.errors import Problem
from api.triage.service import get_places, get_taxonomy
from tests.api import case_model as rules
from tests.api.case_model import ACTIONS, CLASSES, OPEN, ROWS, WORDS, Attempt, Model, Person
from tests.conftest import FixedTriager

URGENCY = st.sampled_from(["特急", "紧急", "一般", "咨询"])
ROLES = [*Role, "resident", "system"]


class CaseLife(RuleBasedStateMachine):
    """Up to three cases, and everything that anybody tries on them."""

    sessions: sessionmaker[Session]

    def __init__(self) -> None:
        super().__init__()
        self.db = self.sessions()
        self.now = datetime(2026, 9, 24, 2, 0, tzinfo=UTC)  # before a holiday and its make-up days
        self.cases: dict[str, Case] = {}
        self.world: dict[str, Model] = {}
        self.last: Any = None

    def teardown(self) -> None:
        """Brings every case to its end by the way that the oracle knows."""
        try:
            for no in list(self.world):
                for attempt in rules.way_out(self.world, no, self.now):
                    self._agree(no, attempt)
                assert self.cases[no].status not in OPEN
                assert broken_link(self.db, self.cases[no]) is None
        finally:
            self.db.rollback()
            self.db.close()

    @initialize(kind=st.sampled_from(sorted(CLASSES)), urgency=URGENCY)
    def first(self, kind: tuple[str, str], urgency: str) -> None:
        """Files the first case."""
        self._file(kind, urgency)

    @precondition(lambda self: len(self.world) < 3)
    @rule(kind=st.sampled_from(sorted(CLASSES)), urgency=URGENCY)
    def another(self, kind: tuple[str, str], urgency: str) -> None:
        """Files a further case."""
        self._file(kind, urgency)

    def _triager(self, model: Model) -> FixedTriager:
        """Judges every text as the case stands."""
        triager = FixedTriager()
        kinds = [kind for kind, level in CLASSES.items() if level == model.natural_level]
        (triager.category, triager.subcategory), triager.urgency = kinds[0], model.urgency
        return triager

    def _meet_parts(self, no: str) -> None:
        """Takes what was split off into the world."""
        for part in self.cases[no].history[-1].after["parts"]:
            self.cases[part] = self.db.scalars(select(Case).where(Case.no == part)).one()
            self.world[part] = rules.part_of(self.world[no], part)

    def _file(self, kind: tuple[str, str], urgency: str) -> None:
        triager = FixedTriager()
        (triager.category, triager.subcategory), triager.urgency = kind, urgency
        session = f"resident-{len(self.world)}"
        filing = Filing("路灯坏了", "中韩社区", None, None, True, "web", None, session_id=session)
        resident = Actor("resident", session, "resident")
        case, _ = file_case(self.db, filing, triager, get_places(), self.now, resident)  # type: ignore[arg-type]
        self.cases[case.no] = case
        self.world[case.no] = Model(
            case.no, CLASSES[kind], case.level, urgency, started=self.now, people=[Person(session)]
        )

    @rule(hours=st.sampled_from([1, 5, 24, 72, 200]))
    def wait(self, hours: int) -> None:
        """Lets time pass."""
        self.now += timedelta(hours=hours)

    @rule(data=st.data(), steps=st.integers(1, 4))
    def what_is_legal(self, data: st.DataObject, steps: int) -> None:
        """Does what the rules allow, a few minutes apart; what leads on is drawn as often as what stays."""
        no = data.draw(st.sampled_from(sorted(self.world)))
        for _ in range(steps):
            found = rules.legal(self.world, self.world[no], self.now)
            moving = {row["action"] for row in ROWS if "to" in row}
            if on := [one for one in found if (one.action in moving) == data.draw(st.booleans())] or found:
                action = data.draw(st.sampled_from(sorted({one.action for one in on})))
                self._agree(no, data.draw(st.sampled_from([one for one in on if one.action == action])))
            self.now += timedelta(minutes=20)

    @rule(data=st.data(), steps=st.integers(1, 6))
    def onward(self, data: st.DataObject, steps: int) -> None:
        """Goes some steps towards the end: what lies there is seldom reached by chance."""
        no = data.draw(st.sampled_from(sorted(self.world)))
        for attempt in rules.way_out(self.world, no, self.now)[:steps]:
            self._agree(no, attempt)

    @precondition(lambda self: self.last)
    @rule()
    def the_same_again(self) -> None:
        """Tries once more what has just been done."""
        self._agree(*self.last)

    @rule(
        data=st.data(),
        role=st.sampled_from(ROLES),
        action=st.sampled_from(ACTIONS),
        stars=st.integers(1, 5),
        days=st.sampled_from([1, 10, 11]),
        forgotten=st.sampled_from([None, "reason", "note", "answer", "stars", "days", "department", "parts"]),
        reporter=st.sampled_from([None, None, 1, 2]),
    )
    def whatever(
        self, data: st.DataObject, role: str, action: str, stars: int, days: int, forgotten: str, reporter: int
    ) -> None:
        """Tries anything."""
        no = data.draw(st.sampled_from(sorted(self.world)))
        fields: dict[str, Any] = WORDS | {"stars": stars, "days": days}
        fields["main_no"] = data.draw(st.sampled_from([*self.world, "LX0"]))
        fields.pop(forgotten, None)
        if reporter:
            fields["reporter"] = reporter
        session = data.draw(st.sampled_from(self.world[no].people)).session
        self._agree(no, Attempt(role, action, session, fields))

    @rule(data=st.data())
    def join(self, data: st.DataObject) -> None:
        """Somebody else joins a case, at most one a case."""
        no = data.draw(st.sampled_from(sorted(self.world)))
        case, model, session = self.cases[no], self.world[no], f"follower-of-{no}"
        if len(model.people) > 1:
            return
        if model.status not in OPEN:
            with pytest.raises(Problem):
                follow(self.db, case, Contact(None, None, True), session, self.now)
            return
        assert follow(self.db, case, Contact(None, None, True), session, self.now)
        model.people.append(Person(session))

    @rule(data=st.data(), urgency=URGENCY)
    def correct_urgency(self, data: st.DataObject, urgency: str) -> None:
        """A clerk corrects the urgency: the deadline follows, from the same start."""
        no = data.draw(st.sampled_from(sorted(self.world)))
        model = self.world[no]
        clerk, wish = Actor("staff", "c", Role.CLERK), Override(urgency=urgency, reason="看过现场")  # type: ignore[arg-type]
        if model.status not in OPEN:
            with pytest.raises(Problem):
                override_triage(self.db, self.cases[no], wish, clerk, self.now, get_taxonomy())
            return
        override_triage(self.db, self.cases[no], wish, clerk, self.now, get_taxonomy())
        if urgency != model.urgency:
            model.level = "区" if urgency == "特急" else model.natural_level if model.urgency == "特急" else model.level
        model.urgency = urgency

    def _agree(self, no: str, attempt: Attempt) -> None:
        """Tries it on the service and asks the oracle: both let it through, or both refuse it in the same way."""
        case, model = self.cases[no], self.world[no]
        expected = rules.verdict(self.world, model, attempt, self.now)
        kind = attempt.role if attempt.role in ("resident", "system") else "staff"
        actor = Actor(kind, attempt.session if kind == "resident" else "someone", attempt.role)  # type: ignore[arg-type]
        got: Any = 200
        try:
            with self.db.begin_nested():
                triager: Any = self._triager(model)
                apply_action(self.db, case, attempt.action, actor, self.now, triager=triager, **attempt.fields)
        except Problem as problem:
            got = problem.status
            self.db.refresh(case)
        assert got == (expected if isinstance(expected, int) else 200), (attempt, model)
        if not isinstance(expected, int):
            self.last = (no, attempt)
            rules.follow(model, expected, attempt, self.now)
            if attempt.action == "拆分":
                self._meet_parts(no)

    def everything(self, no: str) -> None:
        """Every action is tried by one of each kind of people, as the oracle sees them. Nothing of it stays."""
        kinds: dict[tuple[object, ...], Attempt] = {}
        for attempt in rules.attempts(self.world, self.world[no]):
            found = rules.verdict(self.world, self.world[no], attempt, self.now)
            kinds.setdefault((attempt.action, attempt.fields["stars"], str(found)), attempt)
        for attempt in kinds.values():
            kept, outcome = deepcopy(self.world), self.db.begin_nested()
            self._agree(no, attempt)
            outcome.rollback()
            self.world = kept
        self.db.expire_all()

    @invariant()
    def both_tell_the_same(self) -> None:
        """What the database holds is what the rules say."""
        for no, model in self.world.items():
            case = self.cases[no]
            assert (case.status, case.level, case.urgency) == (model.status, model.level, model.urgency)
            assert (case.returned_count, case.reopened_count) == (model.returned, model.reopened)
            assert (case.extension_asked, case.extension_days) == (model.asked, model.extension)
            assert (bool(case.answer), case.reviewed, case.merged_into) == (model.answered, model.reviewed, model.main)
            assert [bool(one.rated_at) for one in case.reporters] == [one.rated for one in model.people]
            assert [bool(one.left_at) for one in case.reporters] == [one.left for one in model.people]
            assert case.reopened_count <= 1

    @invariant()
    def no_deadline_moves_by_itself(self) -> None:
        """The clock starts at filing and at the one reopening; pauses, the extension and the urgency shift its end."""
        for no, model in self.world.items():
            case = self.cases[no]
            assert case.clock_started_at == model.started
            assert case.due_at == model.due()
            assert (case.paused_at or case.clock_stopped_at) == model.halted


def test_service_and_rules_agree_whatever_is_tried(sessions: sessionmaker[Session]) -> None:
    machine = type("Walk", (CaseLife,), {"sessions": sessions})
    health = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    wanted = settings(max_examples=10, stateful_step_count=12, deadline=None, suppress_health_check=health)
    run_state_machine_as_test(machine, settings=wanted)


TOURS = {
    "unsatisfied": "受理 派单 接单 反馈 审核通过 回访 评价1 反馈 审核通过 回访 评价4",
    "returned twice": "受理 派单 退单 同意退单 派单 退单 协调 申请延期 批准延期",
    "reviewed below": "受理 派单 下派 上报 接单 挂起 恢复 反馈 退回重办 反馈 审核通过",
    "merged": "并单 取消并单 催办 撤回",
    "split": "拆分 受理 拆分 派单 退单 拆分 同意退单 不予受理",
}


# What the rules say does not hang on the database; the walks above go over both.
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("tour", TOURS)
def test_at_every_stop_of_a_tour_everybody_tries_everything(sessions: sessionmaker[Session], tour: str) -> None:
    machine = type("Tour", (CaseLife,), {"sessions": sessions})()
    machine._file(("民政", "社会救助"), "一般")
    machine._file(("城乡建设", "路灯照明"), "特急")
    no = next(iter(machine.world))
    for stop in TOURS[tour].split():
        machine.everything(no)
        action, stars = stop.rstrip("14"), int(stop[-1]) if stop[-1].isdigit() else 4
        model = machine.world[no]
        found = [one for one in rules.legal(machine.world, model, machine.now) if one.action == action]
        machine._agree(no, next(one for one in found if action != "评价" or one.fields["stars"] == stars))
        machine.both_tell_the_same()
        machine.no_deadline_moves_by_itself()
        machine.now += timedelta(hours=2)
    machine.everything(no)
    machine.teardown()


def test_the_oracle_knows_the_whole_table() -> None:
    assert {role for row in ROWS for role in row["roles"]} <= set(ROLES)
    assert {check for row in ROWS for check in row.get("checks", [])} <= set(rules.FULFILLED)
    assert {effect for row in ROWS for effect in row.get("does", [])} <= set(rules.EFFECTS)
