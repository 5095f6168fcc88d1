"""Several matters in one draft: shown together, dropped, joined, corrected; one matter corrected in free words."""

from dataclasses import replace

import pytest

from actions.intake import hear, weigh
from actions.reading import draft_from, matter_text
from actions.state import Heard, Known
from tests.actions.test_intake import COMPLETE, FIRE, KUTAO, ORDINARY, WULONG, say, turn

LIGHT, BINS, NOISE = "路灯坏了半个月", "垃圾没人收", "楼下KTV吵到半夜"
TWO = ORDINARY | {"matters": [{"text": LIGHT}, {"text": BINS}]}
ONE = ORDINARY | {"matters": [{"text": LIGHT}]}
SEVERAL = replace(COMPLETE, matter=f"{LIGHT}；{BINS}；{NOISE}", matters=(LIGHT, BINS, NOISE))


def test_matters_told_at_once_are_kept_apart_and_shown_as_a_list():
    said = say(f"枯桃社区{LIGHT}，另外{BINS} 13800530101", "report", place=KUTAO, phone="13800530101", rest="路灯坏了")
    step = turn(said, Known(), triage=TWO)
    assert (step.ask, step.style) == ("confirmed", "several")
    assert matter_text(step.known) == f"\n  1. {LIGHT}\n  2. {BINS}"
    assert draft_from(step.known)["matters"] == [LIGHT, BINS]


def test_one_matter_is_filed_without_a_list():
    step = turn(say(LIGHT, "report"), Known(), triage=ONE)
    assert step.known.matters == ()
    assert "matters" not in draft_from(step.known)


def test_an_emergency_is_never_parted():
    heard = weigh(Heard(Known(matter="着火了")), FIRE | {"matters": TWO["matters"]})
    assert heard.known.matters == ()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("第二件不报了", (LIGHT, NOISE)),
        ("第1个不要了", (BINS, NOISE)),
        ("把最后一件删掉", (LIGHT, BINS)),
        ("不报第三件", (LIGHT, BINS)),
        ("只报第一个和第三个", (LIGHT, NOISE)),
    ],
)
def test_one_of_several_is_dropped(text, left):
    step = turn(say(text, "cancel"), SEVERAL, "confirmed", triage=None)
    assert step.known.matters == left
    assert (step.ask, step.outcome) == ("confirmed", None)


def test_two_of_three_are_dropped_at_once():
    step = turn(say("第二个和第三个不报了", "cancel"), SEVERAL, "confirmed", triage=None)
    assert (step.known.matters, step.known.matter) == ((), LIGHT)


def test_only_one_is_kept_when_they_say_so():
    step = turn(say("只报第一件"), SEVERAL, "confirmed", triage=None)
    assert (step.known.matters, step.known.matter, step.style) == ((), LIGHT, None)


def test_a_number_that_is_not_on_the_list_drops_nothing():
    step = turn(say("第五件不报了", "nlu_fallback"), SEVERAL, "confirmed", triage=None)
    assert (step.known.matters, step.style) == (SEVERAL.matters, "what_to_change")


def test_matters_are_joined_on_a_word_and_stay_joined():
    step = turn(say("合成一件"), SEVERAL, "confirmed", triage=None)
    assert (step.known.matters, step.ask) == ((), "confirmed")
    grown = turn(say("还有楼道灯也不亮", "report"), step.known, "confirmed", triage=TWO)
    assert grown.known.matters == ()


def test_joined_matters_can_be_parted_again():
    joined = replace(SEVERAL, matters=(), whole=True)
    assert turn(say("还是分开报"), joined, "confirmed", triage=TWO).known.matters == (LIGHT, BINS)


def test_a_further_matter_joins_the_list_and_more_of_the_last_one_joins_that():
    further = turn(say("还有公交车老是甩站", "report"), SEVERAL, "confirmed", triage=ORDINARY)
    assert len(further.known.matters) == 4
    more = turn(say("音响开到凌晨两点", "report"), SEVERAL, "confirmed", triage=ORDINARY)
    assert more.known.matters[-1].endswith("两点")
    assert len(more.known.matters) == 3


@pytest.mark.parametrize(
    ("text", "matter"),
    [
        ("不是路灯是井盖", "小区井盖坏了没人修"),
        ("不是路灯，是井盖坏了", "小区井盖坏了没人修"),
        ("事情说错了，是小区门禁坏了", "小区门禁坏了"),
        ("修改内容：楼道门坏了", "楼道门坏了"),
    ],
)
def test_the_matter_itself_is_corrected(text, matter):
    known = replace(COMPLETE, matter="小区路灯坏了没人修")
    heard = hear(say(text, "correct"), known, "confirmed")
    assert (heard.known.matter, heard.grew) == (matter, True)
    assert heard.known.place == known.place


def test_a_correction_of_the_matter_keeps_place_and_phone():
    step = turn(say("不是垃圾是杂物", "correct"), COMPLETE, "confirmed")
    assert step.known.matter == "杂物没人收"
    assert (step.known.place, step.known.contact) == (COMPLETE.place, COMPLETE.contact)
    assert step.ask == "confirmed"


def test_a_phone_number_is_no_part_of_one_of_several_matters():
    told = ORDINARY | {"matters": [{"text": LIGHT}, {"text": f"{BINS}，我的电话是13800530101"}]}
    assert weigh(Heard(replace(COMPLETE, matter="x")), told).known.matters == (LIGHT, BINS)


def test_the_summary_leaves_their_own_number_to_the_contact_and_keeps_that_of_others():
    known = replace(COMPLETE, matter="自称银行的13900001111天天骗老人，我的电话13800530101")
    assert matter_text(known) == "自称银行的13900001111天天骗老人"


@pytest.mark.parametrize("text", ["第二件在五龙社区", "第2个事情的地点是五龙社区。", "第二件其实是在五龙社区"])
def test_one_of_several_gets_a_place_of_its_own(text):
    step = turn(say(text, place=WULONG), SEVERAL, "confirmed", triage=None)
    assert step.known.matters == (LIGHT, f"{BINS}（地点：五龙社区）", NOISE)
    assert (step.known.place, step.ask, step.style) == (KUTAO, "confirmed", "several")


def test_a_place_for_a_matter_that_is_not_on_the_list_changes_none():
    step = turn(say("第五件在五龙社区", place=WULONG), SEVERAL, "confirmed", triage=None)
    assert step.known.matters == SEVERAL.matters
