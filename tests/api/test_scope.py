"""Nobody sees a case outside their scope, whatever they ask.

Every route that takes a signed-in member of staff and every console function that takes a ``Ticket`` is found by
itself. One that is not named below fails the test: say how it is asked, or that it tells nothing of any case.
"""

import importlib
import inspect
import io
import json
import pkgutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from sqlalchemy import select

import api.console
from api.accounts.deps import Actor, current_user
from api.accounts.models import Role, User
from api.cases.filing import Filing, file_case
from api.cases.listing import CaseFilter
from api.cases.models import Case
from api.cases.override import Override, override_triage
from api.chat.models import PERSON, ChatMessage, ChatSession
from api.console import (
    board_data,
    bulk_data,
    case_data,
    chat_data,
    curation_data,
    data,
    drift_page,
    export_data,
    feedback_data,
    grid_data,
    mentions_data,
)
from api.console.data import Ticket
from api.db import session_factory
from api.drift.service import monday
from api.errors import Problem
from api.main import ROUTERS
from api.notices.models import Notice
from api.triage.service import get_places, get_taxonomy
from tests.api import order_scope
from tests.conftest import ticket_of, token_of

LAMPS, ROADS = "区城市管理局", "区住房和城乡建设局"
HERE, THERE = ("中韩街道", "中韩社区"), ("沙子口街道", "沙子口社区")
BODIES = {
    "PATCH /api/v1/cases/{no}/triage": {"urgency": "紧急", "reason": "核对"},
    "POST /api/v1/cases/{no}/actions": {"action": "跟进", "note": "去看过"},
    "POST /api/v1/cases/{no}/reveal": {"reason": "回访"},
}
# What tells of no case but the one that the caller hands in.
SILENT = {
    "POST /api/v1/triage",
    "POST /api/v1/cases",
    "GET /api/v1/auth/me",
    "GET /api/v1/auth/logins",
    "GET /api/v1/auth/sessions",
    "DELETE /api/v1/auth/sessions/{session_id}",
    "sessions_data.own_sessions",
    "sessions_data.other_sessions",
    "sessions_data.end",
    "GET /api/v1/taxonomy",
    "data.as_staff",
    "data.whoami",
    "data.pulse",
    "data.waiting_chats",
    "POST /api/v1/notices/mentions/seen",
    "mentions_data.unread_mentions",
    "mentions_data.read_all",
    "views_data.saved_views",
    "views_data.save_view",
    "views_data.drop_view",
    "case_page._explained",
    "feedback_data._read",
    "GET /api/v1/orders/units",
    "POST /api/v1/orders",
    "orders_data.rights",
    "orders_data.units",
    "orders_data.send",
    "grid_data.file",
    "grid_data.place_words",
}


@dataclass
class Told:
    """A case with everything that hangs on it, each marked with a word of its own."""

    no: str
    mark: str
    session: str
    notice: int
    case: Case


@dataclass
class World:
    """The cases, and who looks at them."""

    told: list[Told]
    client: Any
    now: Any

    def visible(self, user: User) -> list[Told]:
        """The cases within a scope, by the words of docs/security.md and without any SQL."""
        return [one for one in self.told if _within(user, one.case)]

    def hidden(self, user: User) -> list[Told]:
        """The others."""
        return [one for one in self.told if not _within(user, one.case)]


def _within(user: User, case: Case) -> bool:
    if user.role == Role.HANDLER and not user.department:
        return False
    if user.role == Role.GRID and not (user.street or user.community):
        return False
    return (
        user.department in (None, case.department, *case.co_departments)
        and user.street in (None, case.street)
        and user.community in (None, case.community)
    )


@pytest.fixture
def world(sessions, fixed, clock, client) -> World:
    told = []
    with sessions() as db:
        for number, ((street, community), department) in enumerate(
            (place, department) for place in (HERE, THERE) for department in (LAMPS, ROADS)
        ):
            told.append(_tell(db, fixed, clock.now, number, street + community, department))
        told[1].case.co_departments = ["区司法局"]
        db.commit()
    return World(told, client, clock.now)


def _tell(db, fixed, now, number: int, place: str, department: str) -> Told:
    mark, session = f"暗号{'甲乙丙丁'[number]}", f"session-{number}"
    fixed.urgency = "特急"
    db.add(
        ChatSession(
            id=session,
            token_hash=session,
            state=PERSON,
            draft_id=f"draft-{number}",
            created_at=now,
            last_seen_at=now,
            last_seq=1,
            human_reason=mark,
        )
    )
    db.flush()
    line = {"session_id": session, "author": "resident", "text": mark, "draft_id": f"draft-{number}", "created_at": now}
    db.add(ChatMessage(seq=1, **line))
    filing = Filing(
        mark, place, mark, "13800000001", False, "web", None, session_id=session, draft_id=f"draft-{number}"
    )
    case, _ = file_case(db, filing, fixed, get_places(), now, Actor("resident", session, "resident"))
    clerk = Actor("staff", "someone", Role.CLERK)
    wish = Override(department=department, urgency="紧急", reason=mark)
    override_triage(db, case, wish, clerk, now, get_taxonomy())
    notice = Notice(at=now, roles=list(Role), urgent=True, title=mark, subject=case.no)
    db.add(notice)
    db.flush()
    return Told(case.no, mark, session, notice.id, case)


def calls() -> Iterator[str]:
    """Yields every staff route and every console function that takes a ticket, by name."""
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute) and current_user in _flat(route.dependant):
                for method in sorted(route.methods):
                    yield f"{method} {route.path}"
    for found in pkgutil.iter_modules(api.console.__path__):
        module = importlib.import_module(f"api.console.{found.name}")
        for name, function in vars(module).items():
            if inspect.isfunction(function) and function.__module__ == module.__name__:
                hints = get_type_hints(inspect.unwrap(function)) if "icket" in str(function.__annotations__) else {}
                if Ticket in [hint for key, hint in hints.items() if key != "return"]:
                    yield f"{found.name}.{name}"


def _flat(dependant: Dependant) -> set[Any]:
    return {dependant.call}.union(*(_flat(one) for one in dependant.dependencies))


def _ask_lists(world: World, user: User, headers: dict[str, str]) -> Iterator[Any]:
    for query in (
        "",
        "q=暗号",
        "q=LX2026",
        "urgency=紧急",
        "needs_review=false",
        f"department={ROADS}",
        "overdue=false",
    ):
        yield world.client.get(f"/api/v1/cases?{query}", headers=headers).json()


def _ask_notices(world: World, user: User, headers: dict[str, str]) -> Iterator[Any]:
    yield world.client.get("/api/v1/notices", headers=headers).json()


def _ask_mentions(world: World, user: User, headers: dict[str, str]) -> Iterator[Any]:
    yield world.client.get("/api/v1/notices/mentions", headers=headers).json()


def _ask_drift(world: World, user: User, headers: dict[str, str]) -> Iterator[Any]:
    yield world.client.get("/api/v1/drift", params={"day": "2026-11-24"}, headers=headers).json()


def _called(world: World, ticket: Ticket, one: Told) -> list[Any]:
    """Whoever was called on a case and has lost sight of it reads nothing of it."""
    with session_factory().begin() as db:
        title = f"在 {one.mark} 提到了您"
        db.add(Notice(at=world.now, roles=[], user_id=ticket.user_id, seq=1, title=title, subject=one.no))
    return mentions_data.all_mentions(ticket)


def _tick_notices(world: World, user: User, headers: dict[str, str]) -> Iterator[Any]:
    for one in world.hidden(user):
        answer = world.client.post(f"/api/v1/notices/{one.notice}/seen", headers=headers)
        assert answer.status_code == 404
        yield answer.json()


def _console(call: Callable[[World, Ticket, Told], Any]) -> Callable[[World, User, dict[str, str]], Iterator[Any]]:
    """Asks a console function about every case that is hidden; a refusal is an answer too, and must tell nothing."""

    def ask(world: World, user: User, headers: dict[str, str]) -> Iterator[Any]:
        for one in world.hidden(user) or world.told[:1]:
            try:
                yield call(world, ticket_of(user), one)
            except Problem as problem:
                yield problem.detail

    return ask


def _queues(world: World, ticket: Ticket, one: Told) -> list[Any]:
    wanted = (CaseFilter(), CaseFilter(q=one.mark), CaseFilter(department=[one.case.department]))
    return [data.queue(ticket, tab, "urgent", each, world.now) for tab in data.TABS for each in wanted]


def _sheets(world: World, ticket: Ticket, one: Told) -> list[str]:
    found, _total = export_data.queue_xlsx(ticket, "all", "new", CaseFilter(q=one.mark), world.now)
    with zipfile.ZipFile(io.BytesIO(found)) as book:
        return [book.read(name).decode("utf-8", "replace") for name in book.namelist()]


ASK: dict[str, Callable[[World, User, dict[str, str]], Iterator[Any]]] = {
    "GET /api/v1/cases": _ask_lists,
    "GET /api/v1/notices": _ask_notices,
    "POST /api/v1/notices/{notice_id}/seen": _tick_notices,
    "GET /api/v1/notices/mentions": _ask_mentions,
    "mentions_data.all_mentions": _console(_called),
    "data.queue": _console(_queues),
    "data.alarms": _console(lambda world, ticket, one: data.alarms(ticket, world.now)),
    "data.tick_off": _console(lambda world, ticket, one: data.tick_off(ticket, one.notice, world.now)),
    "case_data.case_page": _console(lambda world, ticket, one: case_data.case_page(ticket, one.no, world.now)),
    "case_data.act": _console(
        lambda world, ticket, one: case_data.act(ticket, one.no, 9, "跟进", {"note": "x"}, world.now)
    ),
    "case_data.override": _console(
        lambda world, ticket, one: case_data.override(ticket, one.no, 9, {"urgency": "一般", "reason": "x"}, world.now)
    ),
    "case_data.reveal": _console(lambda world, ticket, one: case_data.reveal(ticket, one.no, "x", world.now)),
    "bulk_data.bulk": _console(
        lambda world, ticket, one: bulk_data.bulk(ticket, [(one.no, one.case.status)], "督办", {"note": "x"}, world.now)
    ),
    "bulk_data._one": _console(
        lambda world, ticket, one: bulk_data.bulk(ticket, [(one.no, "已办结")], "督办", {"note": "x"}, world.now)
    ),
    "export_data.queue_xlsx": _console(_sheets),
    "board_data.board": _console(lambda world, ticket, one: board_data.board(ticket, world.now)),
    "chat_data.talks": _console(lambda world, ticket, one: chat_data.talks(ticket, world.now)),
    "chat_data.talk": _console(lambda world, ticket, one: chat_data.talk(ticket, one.session)),
    "chat_data.take_over": _console(lambda world, ticket, one: chat_data.take_over(ticket, one.session, world.now)),
    "chat_data.say": _console(lambda world, ticket, one: chat_data.say(ticket, one.session, "x", world.now)),
    "chat_data.hand_back": _console(lambda world, ticket, one: chat_data.hand_back(ticket, one.session, world.now)),
    "GET /api/v1/drift": _ask_drift,
    "drift_page.read": _console(lambda world, ticket, one: drift_page.read(ticket, monday(world.now))),
    "grid_data.day": _console(lambda world, ticket, one: grid_data.day(ticket, world.now)),
    "grid_data.filed": _console(lambda world, ticket, one: grid_data.filed(ticket, one.no)),
    "feedback_data.feedback": _console(
        lambda world, ticket, one: feedback_data.feedback(ticket, feedback_data.FeedbackFilter(q=one.mark))
    ),
    "feedback_data.feedback_csv": _console(
        lambda world, ticket, one: feedback_data.feedback_csv(ticket, feedback_data.FeedbackFilter()).decode()
    ),
}


def _ask_one(name: str, world: World, user: User, headers: dict[str, str]) -> Iterator[Any]:
    """A route of one case answers as if a hidden one did not exist, and tells of no hidden one beside a visible one."""
    method, path = name.split(" ", 1)
    for one in world.visible(user) if method == "GET" else ():
        address = path.replace("{no}", one.no).replace("{attachment_id}", "0" * 32)
        yield world.client.get(address, headers=headers).text
    for one in world.hidden(user):
        address = path.replace("{no}", one.no).replace("{attachment_id}", "0" * 32)
        answer = world.client.request(method, address, headers=headers, json=BODIES.get(name))
        assert answer.status_code in (403, 404), (name, answer.text)
        yield answer.json()


# What a console function about one case is given, by the names of its parameters.
GIVEN: dict[str, Any] = {"attachment_id": "0" * 32, "size": "thumb"}


def _ask_function(name: str, world: World, user: User) -> Iterator[Any]:
    """A console function of one case refuses a hidden one as if it did not exist."""
    module, function = name.split(".")
    call = getattr(importlib.import_module(f"api.console.{module}"), function)
    wanted = list(inspect.signature(call).parameters)[2:]
    for one in world.hidden(user):
        given = [world.now if each == "now" else GIVEN[each] for each in wanted]
        with pytest.raises(Problem) as caught:
            call(ticket_of(user), one.no, *given)
        assert caught.value.status in (403, 404), name
        yield caught.value.detail


def _ask_trainers_desk(name: str, world: World, user: User, headers: dict[str, str]) -> Iterator[Any]:
    """The queue of labels holds words of the whole district: whoever has a scope within it is refused at the door."""
    if not (user.department or user.street or user.community):
        return
    if name.startswith("curation_data."):
        call = getattr(curation_data, name.partition(".")[2])
        with pytest.raises(Problem) as caught:
            call(ticket_of(user), *[None] * (len(inspect.signature(call).parameters) - 1))
        assert caught.value.status == 403, name
        return
    method, path = name.split(" ", 1)
    query = "?form=csv" if path.endswith("export") else ""
    assert world.client.request(method, path.replace("{item_id}", "1") + query, headers=headers).status_code == 403, (
        name
    )
    yield from ()


def _asker(name: str) -> Callable[[World, User, dict[str, str]], Iterator[Any]]:
    if name in ASK:
        return ASK[name]
    if "/curation/" in name or name.startswith("curation_data."):
        return lambda world, user, headers: _ask_trainers_desk(name, world, user, headers)
    if "{no}" in name:
        return lambda world, user, headers: _ask_one(name, world, user, headers)
    module, _, function = name.partition(".")
    call = getattr(importlib.import_module(f"api.console.{module}"), function) if function.isidentifier() else None
    known = {"no", "now", *GIVEN}
    asked = set(list(inspect.signature(call).parameters)[1:]) if call else {name}
    assert asked <= known, f"{name} 是新的：在这里写明怎样问它，或它为什么不涉及诉求件"
    return lambda world, user, headers: _ask_function(name, world, user)


# Of orders, which go by the place in the tree alone, and so have a proof of their own.
ORDER_CALLS = {*order_scope.TELLS, *order_scope.CHANGES} - set(ASK)


SCOPES: list[dict[str, str]] = [
    {},
    {"street": HERE[0]},
    {"street": THERE[0], "community": THERE[1]},
    {"department": LAMPS},
    {"department": ROADS, "street": HERE[0]},
    {"department": "区司法局"},
]


@pytest.mark.parametrize("role", Role)
def test_no_question_brings_out_a_case_outside_the_scope(world: World, make_user, clock, role: Role) -> None:
    for scope in SCOPES:
        user = make_user(role, **scope)
        headers = {"Authorization": f"Bearer {token_of(user, clock.now)}"}
        shown = world.client.get("/api/v1/cases", headers=headers).json()
        assert {item["no"] for item in shown["items"]} == {one.no for one in world.visible(user)}
        assert shown["total"] == len(world.visible(user))
        for name in calls():
            if name in SILENT or name in ORDER_CALLS:
                continue
            answers = list(_asker(name)(world, user, headers))
            text = json.dumps(answers, ensure_ascii=False, default=repr)
            for one in world.hidden(user):
                assert one.mark not in text, (name, scope)


@pytest.mark.parametrize("role", Role)
def test_no_question_brings_out_an_order_outside_the_branch(sessions, client, make_user, clock, role: Role) -> None:
    orders = order_scope.make_orders(sessions, make_user, client, clock.now, (HERE, THERE))
    assert set(calls()) >= ORDER_CALLS
    for scope in [*SCOPES, {"department": f"{HERE[0]}办事处"}, {"community": HERE[1]}]:
        user = make_user(role, **scope)
        headers = {"Authorization": f"Bearer {token_of(user, clock.now)}"}
        shown = orders.shown(_root(user))
        hidden = {order_id for order_id, (mark, _paths) in orders.titles.items() if mark not in shown}
        found = list(order_scope.answers(orders, ticket_of(user), headers, hidden))
        for name, text in found:
            for mark in orders.marks() - shown:
                assert mark not in text, (name, scope)
        # What may be seen is seen: else nothing would prove anything.
        assert {mark for mark in orders.marks() if any(mark in text for _name, text in found)} == shown, scope


def _root(user: User) -> str | None:
    """The unit of an account, by the words of docs/security.md."""
    street = user.street or next((street for street, community in (HERE, THERE) if community == user.community), None)
    if user.department or user.role == Role.HANDLER:
        street = HERE[0] if user.department == f"{HERE[0]}办事处" else None
        return street if user.role not in (Role.GRID, Role.TRAINER) else None
    if user.role in (Role.GRID, Role.TRAINER):
        return None  # a grid worker's own unit has got nothing here
    return "/".join(filter(None, (street, user.community)))


def test_a_count_counts_what_may_be_seen(world: World, make_user) -> None:
    user = make_user(Role.CLERK, street=HERE[0])
    found = data.queue(ticket_of(user), "all", "new", CaseFilter(), world.now)
    assert (found.total, found.counts["all"], found.counts["review"]) == (2, 2, 0)
    supervisor = make_user(Role.SUPERVISOR, street=HERE[0])
    shown = board_data.board(ticket_of(supervisor), world.now)
    assert shown.total["open"] == 2
    assert [line.name for line in shown.streets] == [HERE[0]]
    assert {line.name: line.numbers["open"] for line in shown.departments} == {LAMPS: 1, ROADS: 1}


def test_a_case_is_not_merged_into_one_that_cannot_be_seen(world: World, make_user, clock) -> None:
    user = make_user(Role.CLERK, street=HERE[0])
    headers = {"Authorization": f"Bearer {token_of(user, clock.now)}"}
    body = {"action": "并单", "main_no": world.told[2].no, "reason": "同一件"}
    assert world.client.post(f"/api/v1/cases/{world.told[0].no}/actions", json=body, headers=headers).status_code == 404


def test_the_test_itself_sees_what_is_there(world: World, make_user, sessions) -> None:
    """Everything that must stay hidden from some is shown to the administrator: else nothing would prove anything."""
    admin = make_user(Role.ADMIN)
    told = []
    for name, ask in ASK.items():
        text = json.dumps(list(ask(world, admin, {})), ensure_ascii=False, default=repr) if "." in name else ""
        told += [name] if world.told[0].mark in text else []
    assert {"data.queue", "case_data.case_page", "chat_data.talk", "chat_data.talks"} <= set(told)
    assert {"feedback_data.feedback", "feedback_data.feedback_csv", "export_data.queue_xlsx"} <= set(told)
    with sessions() as db:
        assert len(db.scalars(select(Case)).all()) == len(world.told)
