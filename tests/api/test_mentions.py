"""@用户名 in an internal note: a notice for whoever is called, none for who may not see the case."""

from itertools import product

import pytest
from sqlalchemy import select

from api.accounts.models import Role, User
from api.accounts.scope import visible_cases, who_sees
from api.accounts.service import disable, find_user
from api.cases.models import Case
from tests.conftest import PASSWORD

LAMPS, ROADS = "区城市管理局", "区住房和城乡建设局"


@pytest.fixture
def clerk(sign_in) -> dict[str, str]:
    return sign_in(Role.CLERK)


@pytest.fixture
def no(client, clerk) -> str:
    body = {"description": "路灯坏了", "place_text": "中韩街道枯桃社区"}
    return client.post("/api/v1/cases", json=body, headers=clerk).json()["no"]


@pytest.fixture
def write(client, clerk, no):
    """Writes an internal note: ``write("@wang 看一下")``; gives back the answer."""
    return lambda words, **who: client.post(
        f"/api/v1/cases/{no}/actions", json={"action": "跟进", "note": words}, headers=who.get("headers", clerk)
    )


@pytest.fixture
def wang(client, make_user):
    """A colleague who may see the case; asks for what is theirs."""
    make_user(Role.HANDLER, "wang", department=LAMPS)
    token = client.post("/api/v1/auth/token", data={"username": "wang", "password": PASSWORD}).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def test_the_one_called_reads_it_and_nobody_else(client, write, wang, no, sign_in):
    assert write("电话 13800000001，@wang 请先看现场").status_code == 200
    (one,) = client.get("/api/v1/notices/mentions", headers=wang).json()["items"]
    assert (one["case_no"], one["note"], one["seen_at"]) == (no, "电话 138****0001，@wang 请先看现场", None)
    assert one["title"] == f"某人在 {no} 提到了您"
    assert [item["title"] for item in client.get("/api/v1/notices", headers=wang).json()["items"]] == [one["title"]]
    for role in (Role.CLERK, Role.ADMIN, Role.SUPERVISOR):
        other = sign_in(role)
        assert client.get("/api/v1/notices/mentions", headers=other).json()["items"] == []
        assert client.get("/api/v1/notices", headers=other).json()["items"] == []
        assert client.post(f"/api/v1/notices/{one['id']}/seen", headers=other).status_code == 404
    assert client.post("/api/v1/notices/mentions/seen", headers=wang).status_code == 204
    (one,) = client.get("/api/v1/notices/mentions", headers=wang).json()["items"]
    assert one["seen_at"]
    assert client.get("/api/v1/notices", headers=wang).json()["items"] == []


@pytest.mark.parametrize(
    ("words", "calls"),
    [
        ("@wang", 1),
        ("请@wang看一下", 1),
        ("@wang @wang 两遍", 1),
        ("写信到 a@wang.cn", 0),
        ("@wang.", 1),
        ("没有人", 0),
        ("@", 0),
    ],
)
def test_who_is_called(client, write, wang, words, calls):
    assert write(words).status_code == 200
    assert len(client.get("/api/v1/notices/mentions", headers=wang).json()["items"]) == calls


def test_the_longest_name_is_meant(client, write, wang, make_user, sessions):
    make_user(Role.CLERK, "wang2")
    assert write("@wang2 看").status_code == 200
    assert client.get("/api/v1/notices/mentions", headers=wang).json()["items"] == []
    assert write("@wang3 看").status_code == 422


def test_a_call_that_reaches_nobody_is_refused_and_nothing_is_written(client, clerk, write, no, make_user, sessions):
    make_user(Role.HANDLER, "zhang", department=ROADS)
    make_user(Role.CLERK, "gone")
    with sessions.begin() as db:
        disable(find_user(db, "gone"))
    for words, told in (
        ("@zhang 看一下", "某人（@zhang）看不到这件，不能在这里提到他"),
        ("@gone 看一下", "某人（@gone）账号已停用，不能提到他"),
        ("@nobody 看一下", "没有用户名是 nobody 的同事，请核对 @ 后面的名字"),
    ):
        answer = write(words)
        assert (answer.status_code, answer.json()["detail"]) == (422, told)
    history = client.get(f"/api/v1/cases/{no}", headers=clerk).json()["history"]
    assert [row["action"] for row in history] == ["提交"]


def test_more_than_ten_at_once_are_refused(write, make_user):
    names = [make_user(Role.CLERK, f"c{number}x").username for number in range(11)]
    assert write(" ".join(f"@{name}" for name in names)).status_code == 422
    assert write(" ".join(f"@{name}" for name in names[:10])).status_code == 200


def test_what_residents_read_calls_nobody(client, clerk, no, wang):
    for action in ("受理", "派单"):
        body = {"action": action, "note": "@wang 和 @nobody"}
        assert client.post(f"/api/v1/cases/{no}/actions", json=body, headers=clerk).status_code == 200
    assert client.get("/api/v1/notices/mentions", headers=wang).json()["items"] == []


def test_a_case_that_has_left_the_scope_takes_the_call_along(client, clerk, write, wang, no):
    write("@wang 看一下")
    for action, fields in (("受理", {}), ("派单", {"department": ROADS})):
        client.post(f"/api/v1/cases/{no}/actions", json={"action": action, **fields}, headers=clerk)
    assert client.get("/api/v1/notices/mentions", headers=wang).json()["items"] == []


def test_colleagues_are_those_whose_scope_includes_the_case(client, clerk, no, make_user, wang):
    make_user(Role.HANDLER, "zhang", department=ROADS)
    make_user(Role.GRID, "grid", street="中韩街道")
    make_user(Role.GRID, "faraway", street="沙子口街道")
    items = client.get(f"/api/v1/cases/{no}/colleagues", headers=clerk).json()["items"]
    assert [(one["username"], one["role_name"], one["unit"]) for one in items] == [
        ("grid", "网格员", "中韩街道"),
        ("wang", "承办", LAMPS),
    ]


def test_both_sides_of_the_scope_say_the_same(client, clerk, no, make_user, db):
    scopes = ("department", LAMPS, ROADS), ("street", "中韩街道", "沙子口街道"), ("community", "枯桃社区", "沙子口社区")
    choices = [[{}, *({name: value} for value in values)] for name, *values in scopes]
    for role, *parts in product(Role, *choices):
        make_user(role, **{key: value for part in parts for key, value in part.items()})
    case = db.scalars(select(Case).where(Case.no == no)).one()
    seeing = set(db.scalars(select(User.id).where(who_sees(case))))
    for user in db.scalars(select(User)):
        sees = db.scalar(select(Case.id).where(Case.id == case.id, visible_cases(user))) is not None
        assert sees == (user.id in seeing), (user.role, user.department, user.street, user.community)
