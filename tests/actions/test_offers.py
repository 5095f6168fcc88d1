"""Cases like the one being told, and the words of a rating."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from actions import offers
from actions.desk import RefusedError
from actions.followups import _stars
from actions.state import Step
from tests.actions.test_intake import COMPLETE, say

OTHER = {"case_no": "LX20261124-00007", "summary": "路灯坏了", "place": "枯桃社区", "status": "办理中",
         "department": "区城市管理局", "created_at": "2026-11-24T01:00:00+00:00", "own": False}  # fmt: skip
OWN = {**OTHER, "own": True}
SHOWN = replace(COMPLETE, similar=[OTHER])
SUMMARY = Step(COMPLETE, "confirmed")


class Desk:
    """An API that finds, or fails as told; counts how often it was asked."""

    def __init__(self, found=(), failure: Exception | None = None) -> None:
        """Remembers what to answer."""
        self.found, self.failure, self.asked = list(found), failure, 0

    async def similar(self, *_args):
        """Answers or fails."""
        self.asked += 1
        if self.failure:
            raise self.failure
        return self.found


@pytest.fixture
def desk(monkeypatch):
    """Puts a desk in the place of the API's client."""

    def put(one: Desk) -> Desk:
        monkeypatch.setattr(offers, "get_desk", lambda: one)
        return one

    return put


@pytest.mark.parametrize("text", ["加入关注", "一样的", "就是这件", "跟这个一样", "我也是这个问题"])
def test_words_that_join_the_first_case_shown(text):
    choice = offers.read_choice(say(text), SHOWN, "confirmed")
    assert (choice.move, choice.case) == ("关注", OTHER)


def test_their_own_case_is_shown_before_those_of_others(desk):
    desk(Desk([OTHER, OWN]))
    assert asyncio.run(offers.look("draft", SUMMARY)).known.similar == [OWN]


@pytest.mark.parametrize("text", ["确认提交", "不是同一件", "不一样 照常提交", "地址不对，是五龙社区"])
def test_words_that_join_nothing(text):
    assert offers.read_choice(say(text), SHOWN, "confirmed") is None


def test_nothing_is_joined_before_anything_was_shown():
    assert offers.read_choice(say("加入关注"), COMPLETE, "confirmed") is None
    assert offers.read_choice(say("一样的"), SHOWN, "place") is None


@pytest.mark.parametrize(("text", "move"), [("催办", "催办"), ("补充", "补充"), ("就是这件", "补充")])
def test_an_own_case_is_urged_or_added_to(text, move):
    assert offers.read_choice(say(text), replace(COMPLETE, similar=[OWN]), "confirmed").move == move


def test_similar_cases_are_looked_up_once_before_the_first_summary(desk):
    asked = desk(Desk([OTHER]))
    step = asyncio.run(offers.look("draft", SUMMARY))
    assert step.known.similar == [OTHER]
    asyncio.run(offers.look("draft", step))
    assert asked.asked == 1


@pytest.mark.parametrize(
    "step",
    [
        Step(COMPLETE, "contact"),
        Step(replace(COMPLETE, emergency=True), "confirmed"),
        Step(replace(COMPLETE, matters=("一", "二")), "confirmed"),
        Step(COMPLETE, None, outcome="file"),
    ],
)
def test_nobody_is_asked_for_similar_cases_elsewhere(desk, step):
    asked = desk(Desk([OTHER]))
    assert asyncio.run(offers.look("draft", step)) == step
    assert asked.asked == 0


@pytest.mark.parametrize("failure", [httpx.ReadTimeout("slow"), RefusedError(404, "没有找到")])
def test_a_search_that_fails_costs_only_the_hint(desk, failure):
    desk(Desk(failure=failure))
    step = asyncio.run(offers.look("draft", SUMMARY))
    assert (step.ask, step.known.similar) == ("confirmed", [])


@pytest.mark.parametrize(
    ("text", "stars"),
    [
        ("5星", 5), ("给四颗星", 4), ("三分", 3), ("两个星", 2), ("非常满意 师傅人很好", 5), ("满意", 4), ("一般吧", 3),
        ("不太满意", 2), ("不满意，要求重办", 1), ("根本没解决", 1), ("要求重新办理", 1), ("好的", None), ("2", 2),
    ],
)  # fmt: skip
def test_stars_are_read_from_figures_and_words(text, stars):
    assert _stars(say(text).text) == stars
