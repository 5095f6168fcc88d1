"""What the action server may do: drafts, filing once, and only with the cases of the same conversation."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from api.accounts.models import Role
from api.cases.models import Case
from api.chat.models import ChatSession, Draft
from api.outbox.models import OutboxEvent
from tests.chat.conftest import Actions, FaultyBot, Look, Resident
from tests.conftest import Clock

FILING = {
    "description": "楼道灯坏了",
    "place_text": "海尔路61号",
    "phone": "13800000001",
    "name": "王小明",
    "anonymous": False,
}


def draft_of(resident: Resident, look: Look) -> str:
    """Returns the current draft of a conversation."""
    return str(look(select(ChatSession.draft_id).where(ChatSession.id == resident.id))[0])


@pytest.fixture
def draft(resident: Resident, look: Look) -> str:
    """The draft of ``resident``."""
    return draft_of(resident, look)


@pytest.mark.parametrize("secret", [None, "", "wrong", "é"])
def test_to_anybody_else_the_address_does_not_exist(client: TestClient, draft: str, secret: str | None) -> None:
    headers = {} if secret is None else {"X-Laoxian-Secret": secret.encode("latin-1")}
    assert client.get(f"/internal/v1/drafts/{draft}/cases", headers=headers).status_code == 404
    assert client.post(f"/internal/v1/drafts/{draft}/file", json=FILING, headers=headers).status_code == 404
    assert "/internal" not in client.get("/openapi.json").text


def test_an_unknown_draft_is_404(actions: Actions) -> None:
    assert actions.file("nobody").status_code == 404


def test_triage(actions: Actions) -> None:
    answer = actions.call("POST", "triage", {"text": "路灯不亮", "place": "海尔路61号"})
    assert answer.json()["category"] == "城乡建设"
    assert [one["text"] for one in answer.json()["matters"]] == ["路灯不亮"]
    assert actions.call("POST", "triage", {"text": " "}).status_code == 422


def test_what_is_known_is_kept_encrypted_and_not_forgotten(
    actions: Actions, draft: str, sessions: sessionmaker[Session], look: Look
) -> None:
    assert actions.call("PUT", f"drafts/{draft}", FILING).json() == {}
    assert actions.call("PUT", f"drafts/{draft}", {"description": "楼道灯坏了三天"}).status_code == 200
    known = str(look(select(Draft.known).where(Draft.id == draft))[0])
    assert "楼道灯坏了三天" in known
    assert "13800000001" in known
    with sessions() as db:
        raw = str(db.connection().exec_driver_sql("select known from chat_drafts").scalars().all())
    assert "13800000001" not in raw
    assert "王小明" not in raw


def test_an_emergency_rings_once(actions: Actions, draft: str, look: Look) -> None:
    for _ in range(2):
        body = FILING | {"emergency": True, "emergency_number": "119"}
        assert actions.call("PUT", f"drafts/{draft}", body).status_code == 200
    assert look(select(OutboxEvent.topic)) == ["emergency.detected"]
    assert "1380" not in str(look(select(OutboxEvent.payload)))


def test_a_false_alarm_is_forgotten(actions: Actions, draft: str, look: Look) -> None:
    for emergency in (True, False):
        body = FILING | {"emergency": emergency, "emergency_number": "119"}
        assert actions.call("PUT", f"drafts/{draft}", body).status_code == 200
    assert look(select(Draft.emergency_at)) == [None]
    assert look(select(Draft.emergency_number)) == [None]


def test_a_draft_is_filed_once(actions: Actions, draft: str, look: Look) -> None:
    first, again = actions.file(draft, **FILING), actions.file(draft, **FILING)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() | {"created": False} == again.json()
    filed = first.json()
    assert filed["created"]
    assert set(filed) >= {"case_no", "status", "kind", "category", "subcategory", "urgency", "department", "due_at"}
    assert filed["place"]["text"] == "海尔路61号"
    assert look(select(func.count()).select_from(Case)) == [1]


@pytest.mark.parametrize("description", ["", "  \n"])
def test_an_empty_appeal_gets_no_number(actions: Actions, draft: str, look: Look, description: str) -> None:
    answer = actions.file(draft, description)
    assert answer.status_code == 422
    assert not answer.json()["detail"].isascii()
    assert look(select(Case)) == []


def test_a_conversation_sees_its_own_cases_only(client: TestClient, actions: Actions, draft: str, look: Look) -> None:
    case_no = actions.file(draft, **FILING).json()["case_no"]
    other = draft_of(Resident(client), look)
    (mine,) = actions.call("GET", f"drafts/{draft}/cases").json()["cases"]
    assert mine["case_no"] == case_no
    assert "13800000001" not in str(mine)
    assert actions.call("GET", f"drafts/{other}/cases").json() == {"cases": []}
    urge = actions.call("POST", f"drafts/{other}/cases/{case_no}/actions", {"action": "催办"})
    missing = actions.call("POST", f"drafts/{other}/cases/LX20200101-00001/actions", {"action": "催办"})
    assert urge.status_code == missing.status_code == 404
    assert urge.json() == missing.json()


def test_number_and_phone_open_a_case(client: TestClient, actions: Actions, draft: str, look: Look) -> None:
    case_no = actions.file(draft, **FILING).json()["case_no"]
    other = draft_of(Resident(client), look)

    def look_up(number: str, last4: str) -> tuple[int, str]:
        answer = actions.call("POST", f"drafts/{other}/lookup", {"case_no": number, "phone_last4": last4})
        return answer.status_code, answer.text

    wrong_phone, wrong_number = look_up(case_no, "9999"), look_up("LX20200101-00001", "0001")
    assert wrong_phone == wrong_number
    assert wrong_phone[0] == 404
    assert look_up(case_no.lower().replace("-", " "), "0001")[0] == 200
    assert [one["case_no"] for one in actions.call("GET", f"drafts/{other}/cases").json()["cases"]] == [case_no]


def test_digits_cannot_be_guessed(client: TestClient, actions: Actions, draft: str, look: Look, clock: Clock) -> None:
    case_no = actions.file(draft, **FILING).json()["case_no"]
    other, third = draft_of(Resident(client), look), draft_of(Resident(client), look)
    guess = {"case_no": case_no, "phone_last4": "9999"}
    codes = [actions.call("POST", f"drafts/{other}/lookup", guess).status_code for _ in range(6)]
    assert codes == [404] * 5 + [429]
    right = {"case_no": case_no, "phone_last4": "0001"}
    # Neither the right digits nor a fresh conversation help within the hour.
    assert actions.call("POST", f"drafts/{other}/lookup", right).status_code == 429
    assert actions.call("POST", f"drafts/{third}/lookup", right).status_code == 429
    clock.forward(minutes=61)
    assert actions.call("POST", f"drafts/{other}/lookup", right).status_code == 200


def test_urge_supplement_withdraw(actions: Actions, draft: str, clock: Clock) -> None:
    case_no = actions.file(draft, **FILING).json()["case_no"]
    path = f"drafts/{draft}/cases/{case_no}/actions"
    assert actions.call("POST", path, {"action": "催办"}).status_code == 200
    assert actions.call("POST", path, {"action": "催办"}).status_code == 429
    clock.forward(hours=4, seconds=1)
    assert actions.call("POST", path, {"action": "催办"}).status_code == 200
    assert actions.call("POST", path, {"action": "补充", "note": "三单元"}).json()["last_note"] == "三单元"
    assert actions.call("POST", path, {"action": "评价", "stars": 5}).status_code == 409
    assert actions.call("POST", path, {"action": "派单"}).status_code == 422
    assert actions.call("POST", path, {"action": "撤回"}).json()["status"] == "已撤回"


def test_a_person_is_called(actions: Actions, resident: Resident, draft: str, look: Look, clock: Clock) -> None:
    assert actions.call("POST", f"drafts/{draft}/human", {"reason": "说不清"}).json() == {"available": True}
    assert look(select(ChatSession.state)) == ["wants_person"]
    clock.forward(hours=10)
    assert actions.call("POST", f"drafts/{draft}/human", {}).json() == {"available": False}
    assert look(select(OutboxEvent.topic)) == ["chat.person_wanted"]


def test_a_phone_in_the_text_is_masked_for_staff(
    resident: Resident, bot: FaultyBot, actions: Actions, draft: str, sign_in: object
) -> None:
    case_no = actions.file(draft, "楼上漏水，找我 13800000001").json()["case_no"]
    seen = resident.client.get(f"/api/v1/cases/{case_no}", headers=sign_in(Role.CLERK)).text  # type: ignore[operator]
    assert "138****0001" in seen
