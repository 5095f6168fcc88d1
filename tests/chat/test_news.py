"""What staff do with a case is told where it was filed, in words from the file, and nothing else is."""

from collections.abc import Callable

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


def test_news_reach_the_conversation(
    resident: Resident,
    actions: Actions,
    look: Look,
    client: TestClient,
    sign_in: SignIn,
    sessions: sessionmaker[Session],
    clock: Clock,
) -> None:
    number = actions.file(draft_of(resident, look), **FILING).json()["case_no"]
    clerk = sign_in(Role.CLERK)
    for body in (
        {"action": "受理"},
        {"action": "派单"},
        {"action": "督办", "note": "内部"},
        {"action": "催办", "note": "x"},
    ):
        client.post(f"/api/v1/cases/{number}/actions", json=body, headers=clerk)
    deliver_due(sessions, clock.now)
    assert told(resident) == [f"{number} 已派给区城市管理局办理。"]


def test_a_refusal_gives_the_reason_and_an_internal_note_stays_inside(
    resident: Resident,
    actions: Actions,
    look: Look,
    client: TestClient,
    sign_in: SignIn,
    sessions: sessionmaker[Session],
    clock: Clock,
) -> None:
    number = actions.file(draft_of(resident, look), **FILING).json()["case_no"]
    clerk = sign_in(Role.CLERK)
    body = {"action": "不予受理", "reason": "这条路属于李沧区，请拨李沧区 12345"}
    client.post(f"/api/v1/cases/{number}/actions", json=body, headers=clerk).raise_for_status()
    deliver_due(sessions, clock.now)
    assert told(resident) == [f"{number} 不能受理：这条路属于李沧区，请拨李沧区 12345"]
