"""Danger before everything else: whose it is, what takes an alarm back, and what rings none."""

from dataclasses import replace

import pytest

from actions.danger import of_themselves, takes_back, what_remains
from actions.filing import ActionFileCase
from actions.followups import ActionFollowup
from actions.forms import ValidateAppealForm
from actions.state import Contact, Known
from tests.actions.test_actions import CASE, TRIAGE, Desk
from tests.actions.test_intake import COMPLETE, FIRE, KUTAO, TOLD, say, turn

SELF_HARM = TRIAGE | {"emergency": True, "emergency_number": "110", "emergency_reason": "轻生或自伤"}
ALARMED = Known(matter="对面楼冒烟了", emergency=True, triage=FIRE)

MYSELF = [
    "我活够了，孩子也大了，今晚就走",
    "我一个人在家，不想活了",
    "活着真没意思，谁也不用管我",
    "我欠了一屁股债，对不起老婆孩子，只有死了干净",
    "我老公走了以后我天天想跟他一块去",
    "没人需要我了，再见吧",
    "对不起爸妈，下辈子再做你们的儿子",
    "跟你说一声吧，药我都摆桌上了，以后也没人烦我了",
    "老公打我，我不想活了",
    "我和老婆吵架了，不想活了",
]
OTHERS = [
    "孩子站楼顶了不下来",
    "我妹发了个定位在海边，说替她照顾好爸妈",
    "我女儿在屋里割腕了",
    "同宿舍的女生爬到天台栏杆外面去了",
    "他跟我说不想活了",
    "有人要跳楼",
    "安眠药被我妈吃了一瓶",
    "我儿子说活着没意思，我劝不住他",
]


@pytest.mark.parametrize("text", MYSELF)
def test_who_speaks_of_themselves_gets_the_line_that_listens(text):
    assert of_themselves(text)
    assert turn(say(text, "emergency"), Known(), triage=SELF_HARM).lines == ("utter_emergency_selfharm",)


@pytest.mark.parametrize("text", OTHERS)
def test_who_speaks_of_somebody_else_gets_the_police_and_the_line(text):
    assert not of_themselves(text)
    assert turn(say(text, "emergency"), Known(), triage=SELF_HARM).lines == ("utter_emergency_selfharm_other",)


def test_both_answers_name_the_line(domain_responses):
    for response in ("utter_emergency_selfharm", "utter_emergency_selfharm_other"):
        assert "12356" in domain_responses[response][0]["text"]


def test_the_report_of_a_filing_names_the_line_again(play):
    slots = {"matter": "不想活了", "place": KUTAO, "contact": {"phone": "13800530101"}, "triage": SELF_HARM}
    slots |= {"emergency": True, "outcome": "file"}
    _, _, messages = play(ActionFileCase, Desk(), "13800530101", "inform", slots)
    assert messages[0]["number"] == "12356 或 110"


@pytest.mark.parametrize("intent", ["ask_human", "ask_status", "goodbye", "thanks", "nothing", "insult", "cancel"])
def test_danger_outside_the_form_leads_into_it_whatever_the_intent(play, intent):
    desk = Desk(triage=SELF_HARM)
    said, slots, _ = play(ActionFollowup, desk, "没人需要我了再见吧", intent)
    assert (said, slots) == ([], {})
    said, slots, _ = play(ValidateAppealForm, desk, "没人需要我了再见吧", intent)
    assert said == ["utter_emergency_selfharm"]
    assert slots["matter"] == "没人需要我了再见吧"


@pytest.mark.parametrize(
    ("text", "intent", "answer"),
    [
        ("那就先这样再见了", "goodbye", "utter_goodbye"),
        ("谢谢", "thanks", "utter_thanks"),
        ("随便看看而已", "nothing", "utter_nothing"),
        ("你是机器人吗", "ask_bot", "utter_bot"),
    ],
)
def test_a_harmless_line_is_answered_as_ever(play, text, intent, answer):
    assert play(ActionFollowup, Desk(), text, intent)[0] == [answer]


def test_who_asks_after_a_danger_that_was_filed_is_told_of_it(play):
    filed = {**CASE, "urgency": "特急"}
    said, _, _ = play(ActionFollowup, Desk(triage=SELF_HARM, cases=[filed]), "我报的着火的事怎么样了", "ask_status")
    assert said == ["utter_ring_now", "utter_case_status"]


def test_an_impatient_question_rings_no_alarm_on_a_guess(play):
    guess = TRIAGE | {"emergency": True, "emergency_number": "110", "confidence": {"urgency": 0.3}}
    desk = Desk(triage=guess, cases=[CASE], act=CASE)
    assert play(ActionFollowup, desk, "怎么还没人来啊，纸箱子原封不动", "urge")[0] == ["utter_urged"]
    sure = guess | {"emergency_reason": "火情"}
    assert play(ActionFollowup, Desk(triage=sure, cases=[CASE]), "怎么还没人来啊火上三楼了", "urge")[0] == []


def test_danger_in_mid_form_is_heard_in_a_goodbye():
    said = say("没人管就烧起来算了再见", "goodbye", danger=True, rest="没人管就烧起来算了再见")
    assert turn(said, replace(TOLD, place=KUTAO), "contact", FIRE).known.emergency


@pytest.mark.parametrize(
    "text",
    [
        "哦看错了 人家烧烤的烟 没着火 不用来了",
        "误会了 有人在烧烤 没着火",
        "弄错了 是隔壁做饭的油烟 没事了 谢谢你们",
        "没着火",
    ],
)
def test_an_alarm_that_is_taken_back_rings_no_more(text):
    assert takes_back(text)
    step = turn(say(text, "report"), ALARMED, "place", FIRE)
    assert (step.lines, step.outcome) == (("utter_false_alarm",), "abandoned")


def test_what_it_really_is_is_not_judged_as_the_alarm_again():
    step = turn(say("看错了，没着火，是邻居天天在楼下烧烤冒烟呛人", "report"), ALARMED, "place", FIRE)
    assert not step.known.emergency
    assert step.known.matter == "是邻居天天在楼下烧烤冒烟呛人"
    assert step.lines == ()


@pytest.mark.parametrize("text", ["没着火有人被困住了", "不用来了 火已经灭了 不过我爸胳膊受伤了"])
def test_danger_beside_an_alarm_taken_back_still_counts(text):
    assert not takes_back(text)
    assert what_remains(text)
    assert turn(say(text, "report"), ALARMED, "place", FIRE).known.emergency


def test_a_place_answer_adds_nothing_to_the_matter():
    place = {"text": "石老人", "street": "金家岭街道", "community": "石老人社区", "precise": True, "candidates": []}
    said = say("我 住 在 石老人 地铁站 旁边", "report", place=place, rest="我 住 在  地铁站 旁边")
    step = turn(said, TOLD, "place", triage=None)
    assert (step.known.matter, step.known.emergency) == (TOLD.matter, False)


def test_an_answer_with_a_story_beside_it_is_no_danger_unless_the_net_says_so():
    said = say("枯桃社区3号楼，昨天物业来过没修好就走了", place=KUTAO, rest="昨天物业来过没修好就走了")
    assert not turn(said, TOLD, "place", FIRE).known.emergency
    assert turn(replace(said, danger=True), TOLD, "place", FIRE).known.emergency


def test_a_phone_after_an_alarm_files_it():
    alarmed = replace(COMPLETE, emergency=True, triage=FIRE, contact=Contact())
    assert turn(say("13800530101", phone="13800530101"), alarmed, "contact", triage=None).outcome == "file"
