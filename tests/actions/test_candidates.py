"""Answers that choose one of the places offered, in words."""

from dataclasses import replace
from pathlib import Path

import pytest

from actions.candidates import pick
from classifier.places import PlaceResolver
from classifier.text import normalise
from tests.actions.test_intake import TOLD, say, turn

PLACES = PlaceResolver.load(Path(__file__).resolve().parents[2] / "nlu_data")


def candidates(name: str) -> list[dict[str, str]]:
    return list(PLACES.resolve(name).candidates)


@pytest.mark.parametrize(
    ("name", "words", "community"),
    [
        ("姜哥庄", "西边那个", "西姜哥庄社区"),
        ("姜哥庄", "北边的", "北姜哥庄社区"),
        ("姜哥庄", "就是最东头那个村吧", "东姜哥庄社区"),
        ("姜哥庄", "南", "南姜哥庄社区"),
        ("姜哥庄", "第二个", "北姜哥庄社区"),
        ("姜哥庄", "第4个。", "西姜哥庄社区"),
        ("姜哥庄", "最后一个", "西姜哥庄社区"),
        ("姜哥庄", "2", "北姜哥庄社区"),
        ("登瀛", "后面那个", "后登瀛社区"),
        ("葛场", "上边的那个村", "上葛场社区"),
        ("土寨", "秦家的", "秦家土寨社区"),
        ("张村", "郑张那个", "郑张社区"),
        ("姜哥庄", "西姜哥庄", "西姜哥庄社区"),
    ],
)
def test_a_candidate_is_picked_in_words(name: str, words: str, community: str):
    picked = pick(candidates(name), normalise(words))
    assert picked
    assert picked["community"] == community


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("姜哥庄", "不是西边那个"),
        ("姜哥庄", "东边还是西边我也不知道"),
        ("姜哥庄", "第七个"),
        ("姜哥庄", "0"),
        ("姜哥庄", "上边那个"),
        ("姜哥庄", "西边那个垃圾桶满了"),
        ("姜哥庄", "不知道"),
        ("姜哥庄", "一个都不是"),
        ("姜哥庄", "姜哥庄"),
        ("姜哥庄", ""),
        ("枯桃社区", "第一个"),
    ],
)
def test_words_that_pick_nothing(name: str, words: str):
    assert pick(candidates(name), normalise(words)) is None


def test_one_of_two_streets_is_picked_by_its_name():
    picked = pick(candidates("海尔路"), "中韩那边的")
    assert picked
    assert picked["street"] == "中韩街道"


@pytest.mark.parametrize("words", ["西边那个", "第四个", "最西头那个村"])
def test_the_answer_in_words_settles_the_place_and_keeps_what_was_said_of_it(words: str):
    known = replace(TOLD, place=PLACES.resolve("姜哥庄的码头").as_dict(), asked={"place": 1})
    step = turn(say(words, "nlu_fallback"), known, "place")
    assert step.known.place
    assert (step.known.place["community"], step.known.place["candidates"]) == ("西姜哥庄社区", [])
    assert "码头" in step.known.place["text"]
    assert step.ask == "contact"
