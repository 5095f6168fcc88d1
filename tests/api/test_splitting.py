"""拆分: a case that tells of two matters becomes two; nobody who reported it, no word and no day is lost."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from api.accounts.deps import Actor
from api.accounts.models import Role
from api.cases.audit import findings
from api.cases.filing import Filing, file_case
from api.cases.following import follow
from api.cases.models import Case
from api.cases.moves import apply_action
from api.cases.override import Override, override_triage
from api.cases.reporters import Contact
from api.crypto import unmask_numbers
from api.errors import Problem
from api.notices.models import Notice
from api.outbox.delivery import deliver_due
from api.triage.service import get_places, get_taxonomy

TOLD = "枯桃社区北门路灯坏了，另外楼上半夜装修很吵，我的电话13800000001"
LAMP, NOISE = "枯桃社区北门路灯坏了", "楼上半夜装修很吵，我的电话138****0001"
CLERK = Actor("staff", "c", Role.CLERK)


@pytest.fixture
def case(db, fixed, clock) -> Case:
    filing = Filing(TOLD, "枯桃社区", "王小明", "13800000001", False, "web", None, session_id="one", draft_id="draft")
    made, _ = file_case(db, filing, fixed, get_places(), clock.now, Actor("resident", "one", "resident"))
    follow(db, made, Contact("赵小红", "13900000002", False), "two", clock.now)
    follow(db, made, Contact(None, None, True), "three", clock.now)
    apply_action(db, made, "撤回", Actor("resident", "three", "resident"), clock.now)
    return made


@pytest.fixture
def split(db, fixed, clock):
    """Parts a case: ``split(case, urgency="一般")``; gives back what was split off."""

    def do(case: Case, parts=(LAMP, NOISE), **judged: str) -> list[Case]:
        for name, value in judged.items():
            setattr(fixed, name, value)
        fields = {"parts": list(parts), "reason": "两件事归两家管"}
        apply_action(db, case, "拆分", CLERK, clock.forward(hours=30), triager=fixed, **fields)
        numbers = case.history[-1].after["parts"]
        return list(db.scalars(select(Case).where(Case.no.in_(numbers)).order_by(Case.id)))

    return do


def test_each_part_has_its_own_triage_history_and_the_same_day_of_report(db, case, split, clock):
    filed = case.created_at
    (part,) = split(case, category="环境保护", subcategory="噪音污染")
    assert (case.description, part.description) == (LAMP, NOISE)
    assert part.description_sealed == NOISE.replace("138****0001", "13800000001")
    assert (part.status, part.category, part.department) == ("待受理", "环境保护", "市生态环境局崂山分局")
    assert part.suggestion["category"] == "环境保护"
    assert (part.clock_started_at, part.created_at) == (filed, clock.now)
    assert part.due_at == case.due_at
    assert part.group == case.group == case.no
    assert [(row.action, row.note) for row in part.history] == [("拆出", f"由 {case.no} 拆分")]
    assert [row.action for row in case.history][-2:] == ["拆分前原文", "拆分"]
    whole = case.history[-2]
    assert (whole.note, whole.public) == (TOLD, False)
    assert list(findings(db, case)) == list(findings(db, part)) == []


def test_every_reporter_who_stays_reports_each_part_with_a_rating_of_their_own(db, case, split, clock):
    (part,) = split(case)
    assert [(one.name, one.phone, one.session_id) for one in part.reporters] == [
        ("王小明", "13800000001", "one"),
        ("赵小红", "13900000002", "two"),
    ]
    assert {one.id for one in part.reporters}.isdisjoint(one.id for one in case.reporters)
    assert part.reporters[0].phone_index == case.reporters[0].phone_index


def test_what_a_person_decided_stays_and_what_the_model_said_of_the_whole_does_not(db, case, split, clock):
    wish = Override(category="民政", subcategory="社会救助", reason="看过")
    override_triage(db, case, wish, CLERK, clock.now, get_taxonomy())
    split(case, category="环境保护", subcategory="噪音污染")
    assert (case.category, case.suggestion["category"]) == ("民政", "环境保护")


def test_without_a_person_s_decision_the_first_part_is_judged_anew(case, split):
    split(case, category="环境保护", subcategory="噪音污染", urgency="紧急")
    assert (case.category, case.department, case.urgency) == ("环境保护", "市生态环境局崂山分局", "紧急")
    assert case.due_at == case.clock_started_at + timedelta(hours=24)


def test_a_danger_is_not_taken_back_by_the_model_and_a_new_one_rings(db, sessions, case, split, clock):
    (part,) = split(case, urgency="特急")
    assert (case.urgency, case.level, part.urgency, part.level) == ("特急", "区", "特急", "区")
    db.commit()
    deliver_due(sessions, clock.now)
    rung = db.scalars(select(Notice.subject).where(Notice.urgent)).all()
    assert set(rung) == {case.no, part.no}
    split(case, urgency="一般")
    assert (case.urgency, case.level) == ("特急", "区")


def test_a_part_that_names_its_place_goes_there_the_others_stay(case, split):
    (elsewhere, here) = split(case, [LAMP, "沙子口街道沙子口社区海边垃圾没人收", "楼道灯也坏了"])
    assert (elsewhere.street, here.community) == ("沙子口街道", case.community)


def test_a_part_goes_back_into_the_original_by_a_merge(db, case, split, clock):
    (part,) = split(case)
    apply_action(db, part, "并单", CLERK, clock.now, main_no=case.no, reason="拆错了")
    assert (part.status, part.merged_into) == ("已合并", case.no)
    with pytest.raises(Problem, match="先取消并单"):
        split(case)
    apply_action(db, part, "取消并单", CLERK, clock.forward(hours=1), reason="没拆错")
    assert part.status == "已受理"


@pytest.mark.parametrize(("parts", "status"), [([LAMP], 422), ([LAMP, " "], 422), ([LAMP] * 6, 422)])
def test_two_to_five_parts_each_with_words(case, split, parts, status):
    with pytest.raises(Problem) as caught:
        split(case, parts)
    assert (caught.value.status, "拆成的几件" in caught.value.detail) == (status, True)


def test_over_http_with_the_parts_that_the_model_sees(client, sign_in, clock):
    clerk = sign_in(Role.CLERK)
    body = {"description": "路灯坏了", "place_text": "枯桃社区"}
    no = client.post("/api/v1/cases", json=body, headers=clerk).json()["no"]
    assert client.get(f"/api/v1/cases/{no}/parts", headers=clerk).json() == {"parts": ["路灯坏了"]}
    act = {"action": "拆分", "reason": "两件事", "parts": ["路灯坏了", "垃圾没人收"]}
    assert client.post(f"/api/v1/cases/{no}/actions", json=act, headers=sign_in(Role.GRID)).status_code == 404
    view = client.post(f"/api/v1/cases/{no}/actions", json=act, headers=clerk).json()
    (part,) = view["related"]
    assert client.get(f"/api/v1/cases/{part}", headers=clerk).json()["related"] == [no]
    assert view["history"][-1]["after"]["parts"] == [part]


def test_a_mask_is_lifted_only_where_it_is_clear_whose_it_is():
    told = "打 13800000001 或 13811110002、13822220002"
    assert unmask_numbers("找138****0001", told) == "找13800000001"
    assert unmask_numbers("找138****0002", told) == "找138****0002"
