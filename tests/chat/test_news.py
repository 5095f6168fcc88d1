"""What staff do with a case is told where it was filed, in words from the file, and nothing else is."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker

import api.chat.news  # noqa: F401  registers itself
from api.accounts.models import Role
from api.outbox.delivery import deliver_due
from tests.chat.conftest import Actions, Look, Resident
from tests.chat.test_internal import FILING, draft_of
from tests.conftest import Clock

SignIn = Callable[..., dict[str, str]]


def told(resident: Resident) -> list[str]:
    """Returns what the front has said since the greeting."""
    return [line["text"] for line in resident.transcript(after=2)]


Move = Callable[..., list[str]]


@pytest.fixture
def news_after(
    resident: Resident,
    actions: Actions,
    look: Look,
    client: TestClient,
    sign_in: SignIn,
    sessions: sessionmaker[Session],
    clock: Clock,
) -> Move:
    """Files a case, lets a clerk make the moves, delivers; returns the news with the number left out."""

    def after(*moves: dict[str, str]) -> list[str]:
        number = actions.file(draft_of(resident, look), **FILING).json()["case_no"]
        clerk = sign_in(Role.CLERK)
        for move in moves:
            client.post(f"/api/v1/cases/{number}/actions", json=move, headers=clerk).raise_for_status()
        deliver_due(sessions, clock.now)
        return [text.replace(number, "LX") for text in told(resident)]

    return after


def test_news_reach_the_conversation_and_notes_between_staff_do_not(news_after: Move) -> None:
    inside = {"action": "跟进", "note": "内部"}
    heard = news_after({"action": "受理"}, {"action": "派单"}, inside, {"action": "催办", "note": "x"})
    assert heard == ["LX 已派给区城市管理局办理。"]


def test_a_refusal_gives_the_reason(news_after: Move) -> None:
    reason = "这条路属于李沧区，请拨李沧区 12345"
    assert news_after({"action": "不予受理", "reason": reason}) == [f"LX 不能受理：{reason}"]
