"""Each sign-in is a session: seen and ended by its owner and by administrators, refused at once when it is over."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from api.accounts.models import Role, StaffSession
from api.accounts.service import disable, find_user, set_password
from api.accounts.sessions import device, forget_sessions, live_sessions, open_session
from api.console.data import whoami
from api.errors import Problem
from tests.conftest import PASSWORD, ticket_of

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
WHERE = "/api/v1/auth/sessions"


@pytest.fixture
def enter(client, make_user):
    """Signs in; gives back headers."""

    def sign_in(username: str, agent: str = CHROME) -> dict[str, str]:
        form = {"username": username, "password": PASSWORD}
        answer = client.post("/api/v1/auth/token", data=form, headers={"User-Agent": agent})
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    make_user(Role.CLERK, "wang")
    make_user(Role.CLERK, "zhang")
    make_user(Role.ADMIN, "root")
    return sign_in


def own(client, headers: dict[str, str], **query: str) -> list[dict[str, str]]:
    return client.get(WHERE, headers=headers, params=query).json()["items"]


def test_one_sees_where_one_is_signed_in(client, enter, clock):
    first = enter("wang")
    clock.forward(minutes=5)
    second = enter("wang", "curl/8.5")
    clock.forward(minutes=2)
    (latest, earlier) = own(client, second)
    assert (latest["device"], latest["current"], latest["seen_at"][:16]) == ("curl", True, "2026-11-24T10:07")
    assert (earlier["device"], earlier["current"], earlier["kind"]) == ("Chrome · Windows", False, "api")
    assert earlier["seen_at"] == earlier["opened_at"]
    assert {one["username"] for one in own(client, first)} == {"wang"}


def test_ended_is_refused_at_once_and_the_other_one_goes_on(client, enter):
    first, second = enter("wang"), enter("wang")
    gone = next(one["id"] for one in own(client, second) if not one["current"])
    assert client.delete(f"{WHERE}/{gone}", headers=second).status_code == 204
    assert client.get("/api/v1/cases", headers=first).status_code == 401
    assert client.get("/api/v1/cases", headers=second).status_code == 200
    assert [one["current"] for one in own(client, second)] == [True]


def test_others_are_the_administrators_to_see_and_end(client, enter):
    wang, zhang, root = enter("wang"), enter("zhang"), enter("root")
    (target,) = own(client, wang)
    assert client.get(f"{WHERE}?username=wang", headers=zhang).status_code == 403
    assert client.delete(f"{WHERE}/{target['id']}", headers=zhang).status_code == 404
    assert client.delete(f"{WHERE}/{'0' * 36}", headers=zhang).status_code == 404
    assert client.get(f"{WHERE}?username=nobody", headers=root).status_code == 404
    assert [one["id"] for one in own(client, root, username="wang")] == [target["id"]]
    assert client.delete(f"{WHERE}/{target['id']}", headers=root).status_code == 204
    assert client.get("/api/v1/auth/me", headers=wang).status_code == 401
    assert own(client, root, username="wang") == []


@pytest.mark.parametrize("change", ["password", "disabled and back"])
def test_a_new_password_or_a_switched_off_account_ends_all(client, enter, db, clock, change):
    wang = enter("wang")
    user = find_user(db, "wang")
    db.commit()  # SQLite lets one in at a time
    console = ticket_of(user)
    assert whoami(console).username == "wang"
    if change == "password":
        set_password(db, user, PASSWORD)
    else:
        disable(user)
        user.active = True
    db.commit()
    assert client.get("/api/v1/auth/me", headers=wang).status_code == 401
    with pytest.raises(Problem, match="请重新登录"):
        whoami(console)
    assert live_sessions(db, clock.now, user) == []
    db.commit()
    assert client.get("/api/v1/auth/me", headers=enter("wang")).status_code == 200


def test_the_console_is_out_as_soon_as_its_session_is_ended(client, enter, db):
    user = find_user(db, "wang")
    db.commit()
    console = ticket_of(user)
    assert client.delete(f"{WHERE}/{console.session_id}", headers=enter("wang")).status_code == 204
    with pytest.raises(Problem) as caught:
        whoami(console)
    assert caught.value.status == 401


def test_sessions_over_for_a_month_are_forgotten(db, make_user, clock):
    user = make_user(Role.CLERK)
    for days in (0, 31):
        open_session(db, user, "api", timedelta(minutes=30), clock.now - timedelta(days=days))
    forget_sessions(db, clock.now)
    assert [one.opened_at for one in db.scalars(select(StaffSession))] == [clock.now]


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (CHROME, "Chrome · Windows"),
        (CHROME + " Edg/140.0", "Edge · Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1", "Safari · iOS"),
        ("", "不认识的设备"),
    ],
)
def test_devices_in_words(agent, words):
    assert device(agent) == words
