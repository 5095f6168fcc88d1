"""The three actions as the action server runs them: a tracker in, responses and slots out, the API played by a desk."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from actions import filing
from actions.desk import RefusedError
from actions.filing import ActionFileCase
from actions.followups import CALLBACK, ActionFollowup
from actions.forms import ValidateAppealForm

REPO = Path(__file__).resolve().parents[2]
CASE = {"case_no": "LX20261124-00001", "department": "区城市管理局", "due_at": "2026-12-01T09:30:00+00:00",
        "status": "待受理", "summary": "路灯坏了", "urgency": "一般"}  # fmt: skip
NEXT = {**CASE, "case_no": "LX20261124-00002", "department": "交警崂山大队"}
TRIAGE = {"kind": "民生诉求", "urgency": "一般", "emergency": False, "appeal": 1.0, "matters": []}
PLACE = {"text": "枯桃社区", "street": "中韩街道", "community": "枯桃社区", "precise": True, "candidates": []}


class Desk:
    """Plays the API and keeps what it was told."""

    def __init__(self, **answers: Any) -> None:
        """Takes what each call answers; an exception is raised."""
        self.answers = {"triage": TRIAGE, "similar": [], "file": {**CASE, "cases": [CASE]}, "cases": [], **answers}
        self.told: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        """Returns the call of that name."""

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.told.append((name, args, kwargs))
            answer = self.answers.get(name)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def asked(self, name: str) -> list[tuple[Any, ...]]:
        """Returns the arguments of every call of that name, the draft left out."""
        return [args[1:] if name != "triage" else args for call, args, _ in self.told if call == name]


READY = {"matter": "路灯坏了", "place": PLACE, "contact": {"phone": "13800530101"}, "triage": TRIAGE}


def test_every_response_that_the_actions_name_is_in_the_domain():
    known = yaml.safe_load((REPO / "domain.yml").read_text(encoding="utf-8"))["responses"]
    named = {
        word for path in (REPO / "actions").glob("*.py") for word in re.findall(r'"(utter_\w+)"', path.read_text())
    }
    assert named - set(known) == {"utter_action"}  # a key of Rasa's metadata


def test_no_message_that_reports_a_filing_speaks_of_another():
    responses = yaml.safe_load((REPO / "domain.yml").read_text(encoding="utf-8"))["responses"]
    filed = [text["text"] for name, texts in responses.items() for text in texts if "case_no" in text.get("custom", {})]
    assert filed
    assert not [text for text in filed if re.search("还有|另一|第二", text)]


def test_several_matters_are_filed_in_one_call_and_reported_one_by_one(play):
    desk = Desk(file={**CASE, "cases": [CASE, NEXT]})
    slots = READY | {"outcome": "file", "confirmed": True, "matters": ["路灯坏了", "红绿灯不亮"]}
    said, _, messages = play(ActionFileCase, desk, "确认提交", "affirm", slots)
    assert said == ["utter_filed_one_of_several", "utter_filed_one_of_several", "utter_filed_several"]
    assert [one.get("case_no") for one in messages[:2]] == [CASE["case_no"], NEXT["case_no"]]
    assert desk.asked("file")[0][0]["matters"] == ["路灯坏了", "红绿灯不亮"]


def test_nothing_is_filed_without_a_matter(play):
    desk = Desk()
    said, _, _ = play(ActionFileCase, desk, "确认提交", "affirm", {"outcome": "file", "confirmed": True})
    assert (said, desk.asked("file")) == (["utter_not_filed"], [])


def test_giving_up_an_emergency_forgets_it_at_the_api_too(play):
    desk = Desk()
    slots = READY | {"emergency": True, "requested_slot": "contact", "triage": TRIAGE | {"emergency_number": "119"}}
    said, slots, _ = play(ValidateAppealForm, desk, "误会了，没着火", "correct", slots)
    assert said == ["utter_false_alarm"]
    assert slots["outcome"] == "abandoned"
    assert desk.asked("save_draft")[0][0]["emergency"] is False


def test_a_person_out_of_hours_leaves_a_callback_for_the_phone_that_came_along(play):
    desk = Desk(call_human=False)
    said, _, _ = play(ActionFollowup, desk, "转人工 13800530101", "ask_human", phone="13800530101")
    assert said == ["utter_callback_filed"]
    assert desk.asked("file")[0][0] == {"phone": "13800530101", "name": None, "description": filing.CALLBACK_MATTER}


def test_a_person_out_of_hours_asks_for_a_phone_and_files_when_it_comes(play):
    desk = Desk(call_human=False)
    said, slots, _ = play(ActionFollowup, desk, "转人工", "ask_human")
    assert (said, slots) == (["utter_human_offline"], {"followup": CALLBACK})
    said, slots, _ = play(
        ValidateAppealForm, desk, "13800530101", "inform", {"followup": CALLBACK}, phone="13800530101"
    )
    assert (said, slots["outcome"]) == ([], "callback")
    contact = {"contact": {"phone": "13800530101"}, "outcome": "callback"}
    said, _, _ = play(ActionFileCase, desk, "13800530101", "inform", contact)
    assert said == ["utter_callback_filed"]


def test_a_person_in_mid_form_leaves_the_form_as_it_is(play):
    desk = Desk(call_human=False)
    said, slots, _ = play(
        ValidateAppealForm, desk, "转人工", "ask_human", READY | {"requested_slot": "place", "place": None}
    )
    assert said == ["utter_human_offline_go_on"]
    assert slots["requested_slot"] == "place"
    assert desk.asked("file") == []


def test_a_person_before_any_matter_ends_the_form(play):
    slots = {"contact": {"phone": "13800530101"}, "requested_slot": "matter"}
    said, slots, _ = play(ValidateAppealForm, Desk(call_human=False), "转人工", "ask_human", slots)
    assert (said, slots["requested_slot"], slots["outcome"]) == (["utter_callback_filed"], None, "abandoned")


def test_a_phone_alone_shows_nobodys_case(play):
    waiting = {"followup": {"wish": "ask_status"}}
    said, slots, _ = play(ValidateAppealForm, Desk(), "13800530101", "inform", waiting, phone="13800530101")
    assert (said, slots["outcome"]) == (["utter_no_number"], "abandoned")


def test_grumbling_in_mid_form_is_no_follow_up(play):
    slots = READY | {"contact": None, "requested_slot": "contact"}
    said, slots, _ = play(ValidateAppealForm, Desk(), "光问不办事", "urge", slots)
    assert (said, slots["requested_slot"]) == (["utter_go_on_calmly"], "contact")


def test_a_correction_after_filing_is_added_to_the_case(play):
    desk = Desk(cases=[CASE], act=CASE)
    said, _, _ = play(ActionFollowup, desk, "电话写错了", "correct")
    assert said == ["utter_supplemented"]
    assert desk.asked("act")[0] == (CASE["case_no"], "补充")


def test_what_was_asked_for_as_an_addition_begins_no_new_appeal(play):
    desk, waiting = Desk(cases=[CASE], act=CASE), {"wish": "supplement", "case_no": CASE["case_no"], "asked": True}
    said, slots, _ = play(ValidateAppealForm, desk, "井盖比昨天翘得更高了", "report", {"followup": waiting})
    assert (said, slots["outcome"], slots["followup"]) == (["utter_supplemented"], "abandoned", None)
    assert desk.asked("act")[0] == (CASE["case_no"], "补充")


def test_photos_asked_for_as_an_addition_are_named_in_the_note(play):
    desk, waiting = Desk(cases=[CASE], act=CASE), {"wish": "supplement", "case_no": CASE["case_no"], "asked": True}
    play(ValidateAppealForm, desk, "[图片]", "inform", {"followup": waiting}, photos=2)
    assert [fields["note"] for name, _, fields in desk.told if name == "act"] == ["补充照片 2 张"]


def test_danger_told_as_an_addition_is_an_emergency_of_its_own(play):
    desk, waiting = (
        Desk(triage=TRIAGE | {"emergency": True, "urgency": "特急", "emergency_number": "119"}),
        {"wish": "supplement", "case_no": CASE["case_no"], "asked": True},
    )
    _, slots, _ = play(ValidateAppealForm, desk, "着火了快来人", "emergency", {"followup": waiting}, danger="着火")
    assert (slots["emergency"], desk.asked("act")) == (True, [])


def test_somebody_on_duty_is_called(play):
    said, _, _ = play(ActionFollowup, Desk(call_human=True), "转人工", "ask_human")
    assert said == ["utter_human_available"]


SHOWN = READY | {"requested_slot": "confirmed", "similar": [{**CASE, "own": False, "place": "枯桃社区"}]}


def test_joining_ends_the_draft_and_files_nothing(play):
    desk = Desk(follow=CASE)
    said, slots, _ = play(ValidateAppealForm, desk, "加入关注", "nlu_fallback", SHOWN)
    assert (said, slots["outcome"], slots["requested_slot"]) == (["utter_followed"], "abandoned", None)
    assert desk.asked("follow")[0] == (CASE["case_no"], {"phone": "13800530101", "name": None, "anonymous": False})


def test_a_refused_join_leaves_the_summary(play):
    said, slots, _ = play(
        ValidateAppealForm, Desk(follow=RefusedError(409, "已经办结")), "加入关注", "nlu_fallback", SHOWN
    )
    assert (said, slots["requested_slot"]) == (["utter_action_refused"], "confirmed")


def test_a_similar_case_costs_no_turn(play):
    desk = Desk(similar=[{**CASE, "own": False, "place": "枯桃社区"}])
    slots = {**READY, "contact": None, "requested_slot": "contact"}
    said, slots, messages = play(ValidateAppealForm, desk, "13800530101", "inform", slots, phone="13800530101")
    assert (said, slots["requested_slot"]) == (["utter_similar"], "confirmed")
    assert [button["title"] for button in messages[0]["buttons"]] == ["加入关注"]


def test_a_rating_below_three_that_opens_the_case_again_is_said_so(play):
    desk = Desk(cases=[CASE], act={**CASE, "status": "办理中"})
    said, _, _ = play(ActionFollowup, desk, "不满意，要求重办", "nlu_fallback")
    assert said == ["utter_reopened"]
    assert desk.told[-1][2]["stars"] == 1


def test_a_rating_that_comes_too_early_is_answered_kindly(play):
    desk = Desk(cases=[CASE], act=RefusedError(409, "不能做“评价”"))
    assert play(ActionFollowup, desk, "给五星", "rate")[0] == ["utter_rated_early"]


def test_the_case_that_waits_for_a_rating_is_the_one_that_is_rated(play):
    waiting = {**CASE, "case_no": "LX20261101-00009", "status": "待评价"}
    desk = Desk(cases=[CASE, waiting], act={**waiting, "status": "已办结"})
    play(ActionFollowup, desk, "五星", "rate")
    assert desk.asked("act")[0][0] == waiting["case_no"]


@pytest.mark.parametrize(("appeal", "said"), [(0.99, []), (0.2, ["utter_insult"])])
def test_an_insult_with_a_matter_in_it_opens_the_form(play, appeal, said):
    desk = Desk(triage=TRIAGE | {"appeal": appeal})
    assert play(ActionFollowup, desk, "一帮混蛋下水道堵了一个月没人管", "insult")[0] == said


def test_pinyin_outside_a_form_is_met_with_a_request(play):
    assert play(ActionFollowup, Desk(), "wo yao tou su", "nlu_fallback", pinyin="wo yao tou su")[0] == [
        "utter_write_chinese"
    ]


def test_a_turn_asks_for_one_triage_at_most(play):
    desk = Desk()
    play(ValidateAppealForm, desk, "小区里的路灯坏了", "report")
    assert len(desk.asked("triage")) == 1
