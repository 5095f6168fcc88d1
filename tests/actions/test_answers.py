"""Answers of strangers: advertisements, other districts, ends of numbers, odd places, refused moves."""

from dataclasses import replace

import pytest

from actions.adverts import advertises
from actions.desk import RefusedError
from actions.followups import ActionFollowup
from actions.forms import ValidateAppealForm
from actions.place_words import own_words
from actions.reading import place_text
from actions.state import Contact, Known
from tests.actions.test_actions import CASE, TRIAGE, Desk
from tests.actions.test_intake import COMPLETE, KUTAO, TOLD, say, turn

OUTSIDE = {"text": "李沧区万年泉路", "street": None, "outside": True, "candidates": []}
SELLING = [
    "专业代办营业执照 刻章 地址挂靠 当天出证 价格低 微信lsgs8866 同号",
    "需要的老板滴滴我",
    "诚信合作 量大优惠",
    "代开发票 税点低 加V 13800530101",
    "日结兼职刷单 一天三百 加微信 abc12345",
]
COMPLAINING = [
    "楼道里贴满代办营业执照的小广告",
    "加微信兼职刷单被骗了三千块",
    "我想问代办营业执照怎么收费",
    "有人天天发短信代开发票能不能管管",
    "超市说量大优惠结果不给退",
]


@pytest.mark.parametrize("text", SELLING)
def test_an_advertisement_opens_no_form(play, text):
    assert advertises(text)
    assert turn(say(text, "report"), Known()).lines == ("utter_out_of_scope",)
    said, _, _ = play(ActionFollowup, Desk(triage=TRIAGE | {"appeal": 0.99}), text, "out_of_scope")
    assert said == ["utter_out_of_scope"]


@pytest.mark.parametrize("text", COMPLAINING)
def test_a_complaint_of_an_advertisement_is_a_matter(text):
    assert not advertises(text)
    assert turn(say(text, "report"), Known()).known.matter == text


@pytest.mark.parametrize(
    ("text", "intent"), [("哦那我打那边的吧 谢谢", "thanks"), ("好的 知道了", "affirm"), ("那我找当地的", "report")]
)
def test_who_turns_to_the_other_district_is_asked_nothing_more(text, intent):
    told = turn(say("李沧区万年泉路红绿灯坏了", "report", place=OUTSIDE, rest="红绿灯坏了"), Known())
    assert told.style == "outside"
    step = turn(say(text, intent), told.known, "place")
    assert (step.lines, step.outcome) == (("utter_elsewhere",), "abandoned")


def test_a_place_outside_that_comes_late_is_told_before_the_phone_is_asked():
    step = turn(say("李沧区万年泉路", place=OUTSIDE), replace(TOLD, asked={"place": 2}), "place")
    assert (step.ask, step.style, step.lines) == ("place", "outside", ())


@pytest.mark.parametrize(
    "text", ["电话尾号写错了 最后四位是8899", "尾号不是0101 是8899", "后四位应该是8899", "末四位8899"]
)
def test_the_end_of_the_phone_can_be_mended(text):
    step = turn(say(text, "inform"), COMPLETE, "confirmed", triage=None)
    assert step.known.contact == Contact("13800538899")
    assert (step.known.matter, step.ask, step.style) == (COMPLETE.matter, "confirmed", None)


def test_number_and_digits_in_two_messages_are_joined(play):
    desk = Desk(lookup=CASE)
    said, slots, _ = play(ActionFollowup, desk, CASE["case_no"], "ask_status")
    assert said == ["utter_ask_case_proof"]
    said, slots, _ = play(ActionFollowup, desk, "尾号0101", "nlu_fallback", slots)
    assert said == ["utter_case_status"]
    assert desk.asked("lookup") == [(CASE["case_no"], "0101")]


def test_digits_first_and_the_number_after_are_joined_too(play):
    desk = Desk(lookup=CASE)
    _, slots, _ = play(ActionFollowup, desk, "查一下我的件 尾号0101", "ask_status")
    said, _, _ = play(ActionFollowup, desk, CASE["case_no"], "nlu_fallback", slots)
    assert said == ["utter_case_status"]


@pytest.mark.parametrize("text", ["尾号0101", "0101", "后四位是0101"])
def test_digits_that_were_asked_for_begin_no_intake(play, text):
    desk = Desk(lookup=CASE)
    waiting = {"followup": {"wish": "ask_status", "case_no": CASE["case_no"]}}
    said, slots, _ = play(ValidateAppealForm, desk, text, "inform", waiting)
    assert (said, slots["outcome"]) == (["utter_case_status"], "abandoned")


def test_digits_that_are_wrong_can_be_sent_again(play):
    desk = Desk(lookup=RefusedError(404, "没有对上"))
    waiting = {"followup": {"wish": "ask_status", "case_no": CASE["case_no"]}}
    said, slots, _ = play(ActionFollowup, desk, "尾号0000", "nlu_fallback", waiting)
    assert said == ["utter_lookup_failed"]
    assert slots["followup"]["case_no"] == CASE["case_no"]


def test_urging_what_is_done_says_how_to_have_it_done_again(play):
    done = {**CASE, "status": "待评价"}
    desk = Desk(cases=[done], act=RefusedError(409, "不能做“催办”"))
    said, _, messages = play(ActionFollowup, desk, "怎么还没人来啊", "urge")
    assert said == ["utter_urged_when_done"]
    assert "reason" not in messages[0]


def test_no_refusal_speaks_of_states_and_moves(domain_responses):
    assert not [name for name, texts in domain_responses.items() if "{reason}" in str(texts)]


@pytest.mark.parametrize(
    ("words", "stems", "read"),
    [
        ("枯桃小学门口那条路上的井盖昨天夜里", ("枯桃",), "枯桃小学门口那条路上"),
        ("一下就是我们这个小区 东城国际嘛A区", ("东城国际",), "A区"),
        ("村", ("港东",), ""),
        ("出租车司机绕路", (), ""),
        ("枯桃", ("枯桃",), ""),
        ("张村", ("中韩南张", "南张"), ""),
        ("康城小区 2号楼", ("康城",), "2号楼"),
        ("金家岭的惠都小区", (), "金家岭的惠都小区"),
        ("金狮广场后面的那条街", (), "金狮广场后面的那条街"),
        ("村口往东走二百米那个红房子", (), "村口往东走二百米那个红房子"),
        ("3号楼1单元电梯里", (), "3号楼1单元电梯里"),
    ],
)
def test_only_the_words_that_find_a_place_are_read_back(words, stems, read):
    assert own_words(words, stems) == read


def test_odd_words_fall_away_beside_the_full_name():
    place = KUTAO | {"text": "枯桃社区 一下就是我们这个小区"}
    assert place_text(replace(TOLD, place=place)) == "中韩街道枯桃社区"


def test_words_that_only_end_like_a_road_are_no_place(play):
    road = {"text": "出租车司机绕路", "street": None, "candidates": [], "outside": False}
    _, slots, _ = play(ValidateAppealForm, Desk(), "出租车司机绕路多收钱", "report", place=road)
    assert (slots.get("place"), slots["requested_slot"]) == (None, "place")


def test_two_answers_that_tell_nothing_offer_a_person_each_in_other_words(domain_responses):
    step = turn(say("那个事呗", "nlu_fallback", rest=""), Known(asked={"matter": 1}), "matter")
    assert step.style == "again"
    step = turn(say("哎呀", "nlu_fallback", rest=""), step.known, "matter")
    assert step.style == "example"
    again, example, _ = [one for one in domain_responses["utter_ask_matter"] if "拼音" not in one["text"]]
    assert again["text"] != example["text"]
    assert all("转人工" in str(one["buttons"]) for one in (again, example))
