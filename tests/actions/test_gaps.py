"""Answers that residents give besides the one that was asked for."""

from dataclasses import replace

import pytest

from actions.intake import hear, weigh
from actions.reading import place_text
from actions.state import Contact, Heard, Known
from tests.actions.test_intake import COMPLETE, FIRE, KUTAO, ORDINARY, TOLD, say, turn

PLACED = replace(TOLD, place=KUTAO)


@pytest.mark.parametrize("text", ["昨天晚上开始的", "三天了", "大概一个星期", "从上周五就开始了", "今天早上八点多"])
def test_a_time_is_no_place(text):
    step = turn(say(text), replace(TOLD, asked={"place": 1}), "place", triage=None)
    assert (step.known.place, step.ask, step.style) == (None, "place", "told_when")
    assert step.known.matter.endswith(text)


@pytest.mark.parametrize("text", ["无", "没有", "跳过", "随便", "没有了", "我不想说在哪", "地址不方便透露"])
def test_no_answer_to_where_goes_on_without_a_place(text):
    step = turn(say(text, "nlu_fallback"), TOLD, "place")
    assert step.known.place["unknown"]
    assert step.ask == "contact"


@pytest.mark.parametrize("text", ["无", "没有", "跳过", "随便", "不方便说", "算了", "没有电话"])
def test_no_answer_to_the_phone_goes_on_without_one(text):
    intent = {"算了": "cancel", "没有电话": "decline_contact"}.get(text, "nlu_fallback")
    step = turn(say(text, intent), PLACED, "contact")
    assert step.known.contact.declined
    assert step.ask == "confirmed"


def test_giving_up_at_the_phone_is_a_cancel():
    assert turn(say("算了，不报了", "cancel", confidence=0.7), PLACED, "contact").outcome == "cancelled"


def test_anonymity_can_be_taken_back_with_a_phone():
    known = replace(COMPLETE, contact=Contact(anonymous=True))
    step = turn(
        say("不匿名了 留电话13900530102", "correct", phone="13900530102", rest="不匿名了 留电话"), known, "confirmed"
    )
    assert step.known.contact == Contact("13900530102")


def test_the_name_alone_can_be_corrected():
    known = replace(COMPLETE, contact=Contact("13800530101", "刘女士"))
    step = turn(say("不是刘女士是柳女士", "correct", name="柳女士", rest="不是刘女士是"), known, "confirmed")
    assert step.known.contact == Contact("13800530101", "柳女士")
    assert step.known.matter == COMPLETE.matter


def test_a_bare_name_at_the_phone_is_a_name_and_the_phone_is_asked_again():
    step = turn(say("刘建国", "inform"), PLACED, "contact")
    assert (step.known.contact.name, step.ask) == ("刘建国", "contact")


def test_a_bare_name_beside_the_phone_is_a_name():
    step = turn(say("13800530332 李大明", phone="13800530332", rest="李大明"), PLACED, "contact")
    assert step.known.contact == Contact("13800530332", "李大明")


def test_the_place_and_more_of_the_matter_in_one_answer():
    said = say("枯桃社区3号楼，昨天物业来过没修好就走了", place=KUTAO, rest="昨天物业来过没修好就走了")
    step = turn(said, TOLD, "place")
    assert step.known.place == KUTAO
    assert "没修好" in step.known.matter
    assert step.ask == "contact"


def test_more_of_the_matter_is_no_place():
    step = turn(say("里面有死老鼠臭得很", "report"), TOLD, "place")
    assert (step.known.place, step.ask) == (None, "place")
    assert "死老鼠" in step.known.matter


def test_a_greeting_after_a_long_silence_offers_to_go_on():
    step = turn(say("你好", "greet", returning=True), PLACED, "contact")
    assert (step.lines, step.ask) == (("utter_welcome_back",), "contact")
    assert turn(say("你好", "greet"), PLACED, "contact").lines == ("utter_greet_again",)


def test_a_person_is_offered_after_two_turns_that_get_nowhere():
    first = turn(say("不对", "deny"), replace(COMPLETE, asked={"confirmed": 1}), "confirmed")
    assert "utter_offer_person" not in first.lines
    second = turn(say("就是不对", "deny"), first.known, "confirmed")
    assert "utter_offer_person" in second.lines
    third = turn(say("哎呀", "nlu_fallback"), second.known, "confirmed")
    assert "utter_offer_person" not in third.lines


def test_a_turn_that_gets_on_forgets_the_stumbles():
    first = turn(say("138001", "inform", bad_phone="138001", rest=""), PLACED, "contact")
    assert first.known.asked["stumbles"] == 1
    second = turn(say("13800530101", phone="13800530101", rest=""), first.known, "contact")
    assert second.known.asked["stumbles"] == 0


def test_pinyin_is_met_with_a_request_for_characters():
    step = turn(say("xiao qu ting shui le", "nlu_fallback", pinyin=True), Known())
    assert (step.known.matter, step.ask, step.style) == (None, "matter", "pinyin")
    step = turn(say("bu zhi dao", "nlu_fallback", pinyin=True), TOLD, "place")
    assert (step.lines, step.ask, step.known.place) == (("utter_write_chinese",), "place", None)


def test_photos_are_counted_and_are_no_matter():
    step = turn(say("[图片]", "inform", photos=2, rest=""), Known())
    assert (step.known.photos, step.known.matter, step.ask) == (2, None, "matter")
    assert step.lines == ("utter_photos",)
    step = turn(say("[图片]", "inform", photos=1, rest=""), replace(TOLD, photos=2), "place")
    assert (step.known.photos, step.known.place, step.ask) == (3, None, "place")


def test_photos_at_the_summary_show_it_again_and_are_no_yes():
    step = turn(say("[图片]", "inform", photos=1, rest=""), COMPLETE, "confirmed")
    assert (step.ask, step.style, step.outcome) == ("confirmed", None, None)


def test_danger_comes_before_the_thanks_for_a_photo():
    step = turn(say("着火了", "emergency", photos=1, rest="着火了"), Known(), triage=FIRE)
    assert step.lines == ("utter_emergency_119",)


@pytest.mark.parametrize(("text", "intent"), [("停水了", "report"), ("着火了", "emergency")])
def test_three_characters_can_be_a_matter(text, intent):
    assert turn(say(text, intent), Known()).known.matter == text


@pytest.mark.parametrize("intent", ["nlu_fallback", "insult", "out_of_scope"])
def test_only_the_triage_tells_whether_a_doubtful_message_holds_a_matter(intent):
    heard = hear(say("你们这帮吃干饭的路灯坏了三个月没人管", intent), Known(), "matter")
    assert heard.doubtful
    assert weigh(heard, ORDINARY | {"appeal": 0.99}).known.matter
    assert weigh(heard, ORDINARY | {"appeal": 0.1}).known.matter is None


def test_a_told_matter_is_not_doubted():
    assert weigh(Heard(TOLD, grew=True), ORDINARY | {"appeal": 0.1}).known.matter


def test_a_matter_that_the_place_has_swallowed_is_left_to_the_triage():
    said = say("枯桃社区小广告贴满楼道", "report", place=KUTAO, rest="道", beside="枯桃社区小广告贴满楼道")
    heard = hear(said, Known(), None)
    assert (heard.doubtful, heard.grew) == (True, True)
    assert weigh(heard, ORDINARY | {"appeal": 0.99}).known.matter
    assert weigh(heard, ORDINARY | {"appeal": 0.1}).known.matter is None


def test_no_phone_said_along_with_the_matter_is_not_asked_for_again():
    step = turn(say("枯桃社区楼道灯坏了 不留电话", "report", place=KUTAO, rest="楼道灯坏了 不留电话"), Known())
    assert (step.ask, step.known.contact.declined) == ("confirmed", True)


@pytest.mark.parametrize("intent", ["nlu_fallback", "inform"])
def test_two_characters_answer_what_it_is_about_if_the_triage_agrees(intent):
    step = turn(say("停水", intent), Known(asked={"matter": 1}), "matter")
    assert (step.known.matter, step.ask) == ("停水", "place")


def test_a_complaint_taken_for_a_cancel_is_no_cancel():
    step = turn(say("物业不作为", "cancel"), Known(asked={"matter": 1}), "matter")
    assert (step.known.matter, step.outcome) == ("物业不作为", None)


@pytest.mark.parametrize("text", ["算了不报了", "不投诉了", "取消吧", "没事了不用了", "我不想报了"])
def test_words_that_give_up(text):
    assert turn(say(text, "cancel"), TOLD, "place").outcome == "cancelled"


def test_not_knowing_more_of_a_place_leaves_it_as_it_was_told():
    known = replace(TOLD, place={"text": "高新区那边", "street": None, "candidates": []}, asked={"place": 1})
    step = turn(say("不清楚", "dont_know"), known, "place")
    assert (step.ask, step.known.place["text"]) == ("contact", "高新区那边")


def test_a_place_outside_the_district_is_told_once_and_may_be_corrected():
    outside = {"text": "李沧区振华路", "street": None, "outside": True, "candidates": []}
    step = turn(say("李沧区振华路有个大坑", "report", place=outside, rest="有个大坑啊"), Known())
    assert (step.ask, step.style) == ("place", "outside")
    again = turn(say("就是李沧区", place=outside, rest=""), step.known, "place")
    assert again.ask == "contact"


def test_digits_that_are_no_phone_are_no_part_of_the_matter():
    step = turn(say("1380053", "inform"), PLACED, "contact", triage=None)
    assert (step.known.matter, step.style) == (TOLD.matter, "bad_phone")


@pytest.mark.parametrize("text", ["就是户口和房子不在一起能不能上", "什么时候能修好", "怎么还要地址"])
def test_a_question_is_no_place(text):
    assert turn(say(text, "inform"), TOLD, "place").known.place is None


def test_letters_alone_are_no_place():
    assert turn(say("/restart", "nlu_fallback"), TOLD, "place").known.place is None


def test_a_community_named_in_short_is_not_repeated_beside_its_full_name():
    known = replace(TOLD, place={"text": "就在我家楼下"}, asked={"place": 2})
    kutao = {"text": "枯桃", "street": "中韩街道", "community": "枯桃社区", "precise": True, "candidates": []}
    step = turn(say("枯桃", place=kutao, rest=""), known, "place")
    assert place_text(step.known) == "中韩街道枯桃社区 就在我家楼下"


@pytest.mark.parametrize("text", ["老王家后面那块空地", "村口往东走二百米那个红房子", "就在我家楼下", "大桥底下"])
def test_a_place_in_their_own_words(text):
    assert turn(say(text, "inform"), TOLD, "place").known.place["text"] == text


def test_a_floor_in_a_story_is_no_place():
    step = turn(say("就是五楼那家一直不修把我家墙都泡了", "inform"), TOLD, "place")
    assert step.known.place is None
    assert "墙都泡了" in step.known.matter


def test_not_knowing_the_name_of_a_place_is_no_part_of_the_matter():
    said = say("不知道叫什么社区 就在海尔路上", place=KUTAO, rest="不知道叫什么社区 就在")
    assert turn(said, TOLD, "place", triage=None).known.matter == TOLD.matter


@pytest.mark.parametrize(("text", "slot"), [("电话也错了", "contact"), ("地址也不对", "place")])
def test_what_else_is_wrong_is_asked_for(text, slot):
    assert turn(say(text, "correct"), COMPLETE, "confirmed").ask == slot


def test_who_will_not_say_where_is_still_asked_for_a_phone():
    step = turn(say("我不想说在哪", "decline_contact"), TOLD, "place")
    assert (step.ask, step.known.contact.declined) == ("contact", False)
    assert turn(say("不想留电话", "decline_contact"), TOLD, "place").known.contact.declined


def test_leaving_a_phone_after_all_is_no_longer_anonymous():
    known = replace(COMPLETE, contact=Contact("13800530101", anonymous=True))
    said = say("算了还是留电话 13800530101", "correct", phone="13800530101", rest="算了还是留电话")
    assert turn(said, known, "confirmed").known.contact == Contact("13800530101")


def test_a_street_named_in_short_is_not_repeated():
    place = {"text": "北宅 五龙河边", "street": "北宅街道", "community": None}
    assert place_text(replace(TOLD, place=place)) == "北宅街道 五龙河边"
