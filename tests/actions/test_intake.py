"""One turn of an intake: what is read, what is kept, what is asked next."""

from dataclasses import replace

import pytest

from actions.intake import decide, hear, read_ending, weigh
from actions.state import Contact, Known, Said, Step

ORDINARY = {"kind": "民生诉求", "urgency": "一般", "emergency": False}
FIRE = {"kind": "民生诉求", "urgency": "特急", "emergency": True, "emergency_number": "119"}
ADVICE = {"kind": "发展诉求", "urgency": "咨询", "emergency": False}
KUTAO = {"text": "中韩街道枯桃社区", "street": "中韩街道", "community": "枯桃社区", "precise": True, "candidates": []}
BEIZHAI = {"text": "北宅", "street": "北宅街道", "community": None, "precise": False, "candidates": []}
WULONG = {"text": "五龙社区", "street": "北宅街道", "community": "五龙社区", "precise": True, "candidates": []}
TOLD = Known(matter="垃圾没人收", triage=ORDINARY)
COMPLETE = replace(TOLD, place=KUTAO, contact=Contact(phone="13800530101"))


def say(text, intent="inform", **facts):
    """A message in normal form, as the NLU hands it over."""
    text = text.translate(str.maketrans("，：；！", ",:;!"))
    rest = facts.pop("rest", "" if facts else text)
    return Said(text=text, intent=intent, rest=rest, **facts)


def turn(said, known=TOLD, asked=None, triage=ORDINARY) -> Step:
    """One turn as the form takes it; ``triage`` is what the API would say, None where it must not be asked."""
    if ending := read_ending(said, known, asked):
        return ending
    heard = hear(said, known, asked)
    if heard.grew:
        assert triage is not None, "this message needs no triage"
        heard = weigh(heard, triage)
    return decide(said, known, heard, asked)


def test_a_told_matter_is_kept_and_the_place_asked_next():
    step = turn(say("小区垃圾一周没人收", "report"), Known())
    assert (step.known.matter, step.ask) == ("小区垃圾一周没人收", "place")


def test_everything_in_one_message_is_confirmed_at_once():
    said = say(
        "枯桃社区垃圾没人收 13800530101 刘女士",
        "report",
        place=KUTAO,
        phone="13800530101",
        name="刘女士",
        rest="垃圾没人收",
    )
    step = turn(said, Known())
    assert step.ask == "confirmed"
    assert step.known.contact == Contact("13800530101", "刘女士")


def test_an_opener_tells_nothing_so_the_matter_is_asked():
    step = turn(say("我要投诉", "open_report"), Known())
    assert (step.known.matter, step.ask) == (None, "matter")


def test_place_then_contact_then_confirmation():
    place = turn(say("中韩街道枯桃社区", place=KUTAO, rest=""), asked="place")
    assert place.ask == "contact"
    contact = turn(say("13800530101", phone="13800530101", rest=""), place.known, "contact")
    assert contact.ask == "confirmed"
    done = turn(say("确认提交", "affirm"), contact.known, "confirmed")
    assert (done.ask, done.outcome) == (None, "file")


def test_a_street_alone_is_asked_about_once_more_and_completed():
    first = turn(say("北宅那边水管爆了", "report", place=BEIZHAI, rest="那边水管爆了"), Known())
    assert (first.ask, first.style) == ("place", "street_only")
    second = turn(say("五龙社区", place=WULONG, rest=""), first.known, "place")
    assert (second.ask, second.known.place["community"]) == ("contact", "五龙社区")


def test_a_question_about_policy_needs_no_exact_place():
    step = turn(say("想了解贷款贴息政策", "report"), Known(), triage=ADVICE)
    assert (step.ask, step.style) == ("place", "advice")
    step = turn(
        say("金家岭街道", place=dict(BEIZHAI, text="金家岭街道", street="金家岭街道"), rest=""),
        step.known,
        "place",
        ADVICE,
    )
    assert step.ask == "contact"


def test_an_unknown_place_is_taken_in_the_residents_words_after_one_more_question():
    step = turn(say("老王家后面那块空地"), replace(TOLD, asked={"place": 1}), "place")
    assert (step.ask, step.style) == ("place", "no_street")
    step = turn(say("就是大槐树底下"), step.known, "place")
    assert step.ask == "contact"
    assert "大槐树" in step.known.place["text"]


def test_not_knowing_where_goes_on():
    assert turn(say("说不清", "dont_know"), asked="place").ask == "contact"


def test_a_wrong_number_is_asked_again_and_the_good_one_kept():
    step = turn(say("1380053010", bad_phone="1380053010", rest=""), replace(TOLD, place=KUTAO), "contact")
    assert (step.ask, step.style) == ("contact", "bad_phone")
    step = turn(say("电话写错了是1390053", "correct", bad_phone="1390053"), COMPLETE, "confirmed")
    assert step.known.contact.phone == "13800530101"


@pytest.mark.parametrize(
    "answer", [say("不方便留电话", "decline_contact"), say("匿名", "decline_contact", anonymous=True)]
)
def test_no_phone_and_anonymity_are_honoured(answer):
    step = turn(answer, replace(TOLD, place=KUTAO), "contact")
    assert step.ask == "confirmed"
    assert step.known.contact.phone is None


def test_anonymous_means_that_the_name_is_forgotten():
    step = turn(
        say("还是匿名吧", "decline_contact", anonymous=True),
        replace(COMPLETE, contact=Contact("13800530101", "刘女士")),
        "confirmed",
    )
    assert step.known.contact == Contact("13800530101", None, anonymous=True)


def test_a_correction_at_the_end_changes_only_what_it_names():
    step = turn(say("地址不对，是五龙社区", "correct", place=WULONG, rest="地址不对,是"), COMPLETE, "confirmed")
    assert step.ask == "confirmed"
    assert step.known.place["community"] == "五龙社区"
    assert (step.known.matter, step.known.contact) == (COMPLETE.matter, COMPLETE.contact)


def test_no_to_the_summary_asks_what_to_change():
    step = turn(say("不对", "deny"), COMPLETE, "confirmed")
    assert (step.ask, step.style) == ("confirmed", "what_to_change")


@pytest.mark.parametrize(("payload", "slot"), [("修改地点", "place"), ("修改电话", "contact")])
def test_the_buttons_of_the_summary_ask_for_that_slot_alone(payload, slot):
    assert turn(say(payload, "correct"), COMPLETE, "confirmed").ask == slot


def test_a_no_that_begins_like_a_yes_is_not_a_yes():
    assert turn(say("不是的", "affirm"), COMPLETE, "confirmed").outcome is None


@pytest.mark.parametrize("intent", ["ask_privacy", "ask_bot", "ask_hours", "insult", "chitchat"])
def test_a_digression_is_answered_and_the_open_question_comes_again(intent):
    step = turn(say("会不会泄露我的电话", intent), replace(TOLD, place=KUTAO), "contact")
    assert step.ask == "contact"
    assert len(step.lines) == 1
    assert step.known.matter == TOLD.matter


def test_digressions_do_not_use_up_the_question():
    known = replace(TOLD, asked={"place": 1})
    for _ in range(3):
        step = turn(say("你是机器人吗", "ask_bot"), known, "place")
        known = step.known
    assert step.ask == "place"


def test_more_about_the_matter_is_added_and_judged_again():
    heard = hear(say("而且里面有死老鼠", "report"), TOLD, "place")
    assert (heard.known.matter, heard.grew) == ("垃圾没人收；而且里面有死老鼠", True)


def test_bare_facts_are_not_judged():
    step = turn(say("13800530101", phone="13800530101", rest=""), replace(TOLD, place=KUTAO), "contact", triage=None)
    assert step.ask == "confirmed"


def test_an_emergency_gives_the_number_first_and_asks_place_and_phone_only():
    step = turn(say("仓库着火了", "emergency"), Known(), triage=FIRE)
    assert step.lines == ("utter_emergency_119",)
    assert (step.ask, step.style) == ("place", "emergency")
    step = turn(say("枯桃社区", place=KUTAO, rest=""), step.known, "place", FIRE)
    assert (step.ask, step.style, step.lines) == ("contact", "emergency", ())
    step = turn(say("13800530101", phone="13800530101", rest=""), step.known, "contact", FIRE)
    assert (step.ask, step.outcome) == (None, "file")


def test_danger_told_in_mid_form_is_heard():
    step = turn(say("现在屋里冒烟了", "report"), replace(TOLD, place=KUTAO), "contact", FIRE)
    assert step.lines == ("utter_emergency_119",)
    assert step.known.emergency


def test_a_false_alarm_can_be_taken_back():
    alarmed = replace(COMPLETE, emergency=True, triage=FIRE, contact=Contact())
    step = turn(say("误会了，没着火", "correct"), alarmed, "contact")
    assert not step.known.emergency
    assert (step.lines, step.outcome) == (("utter_false_alarm",), "abandoned")


def test_a_false_alarm_that_tells_what_it_really_is_goes_on_with_that():
    alarmed = replace(COMPLETE, emergency=True, triage=FIRE)
    step = turn(say("看错了不是着火，是邻居天天在楼下烧烤冒烟呛人", "report"), alarmed, "contact")
    assert not step.known.emergency
    assert step.known.matter.endswith("冒烟呛人")
    assert step.ask == "confirmed"


def test_no_fire_but_somebody_trapped_is_no_false_alarm():
    alarmed = replace(COMPLETE, emergency=True, triage=FIRE, contact=Contact())
    assert turn(say("没着火，但是有人被困住了", "report"), alarmed, "contact", FIRE).known.emergency


def test_cancel_ends_without_filing():
    step = turn(say("算了不报了", "cancel"), COMPLETE, "confirmed")
    assert (step.ask, step.outcome) == (None, "cancelled")


def test_start_over_forgets_everything():
    step = turn(say("重新来", "start_over", rest=""), COMPLETE, "confirmed")
    assert (step.known, step.ask) == (Known(), "matter")


def test_a_question_about_an_earlier_case_in_mid_form_is_passed_on():
    step = turn(say("我上次那个件办得怎样了", "ask_status"), replace(TOLD, place=KUTAO), "contact")
    assert step.followup
    assert step.ask == "contact"


def test_an_empty_matter_never_ends_in_filing():
    everything_else = replace(COMPLETE, matter=None)
    step = turn(say("确认提交", "affirm"), everything_else, "confirmed")
    assert (step.ask, step.outcome) == ("matter", None)


def test_a_stubborn_refusal_to_answer_does_not_loop_for_ever():
    known, asked = replace(TOLD), "place"
    for _ in range(12):
        step = turn(say("你猜", "out_of_scope", rest=""), known, asked)
        if step.ask == "confirmed":
            break
        known, asked = step.known, step.ask
    assert step.ask == "confirmed"
