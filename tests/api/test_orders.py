"""Orders down the tree of units: who issues, who gets, who sees, receipts, reminders; on both databases."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from api.accounts.models import Role
from api.chat.attachments import UNFILED_FOR, sweep
from api.chat.enclosures import Attachment
from api.notices.models import Notice
from api.orders.models import Order, OrderReceipt
from api.orders.reminders import remind_overdue
from api.orders.rules import get_orders, load_orders
from api.orders.units import home
from api.outbox.delivery import deliver_due
from api.outbox.models import OutboxEvent
from classifier.taxonomy import RuleError
from tests.chat.photos import from_a_phone, photo
from tests.conftest import token_of

STREET, OTHER = "中韩街道", "沙子口街道"
VILLAGE = f"{STREET}/枯桃社区"


class House:
    """One account at every place of the tree, and what each of them asks."""

    def __init__(self, client, make_user, clock) -> None:
        self.client, self.clock = client, clock
        self.people = {
            "district": make_user(Role.SUPERVISOR),
            "street": make_user(Role.CLERK, street=STREET),
            "office": make_user(Role.HANDLER, department=f"{STREET}办事处"),
            "village": make_user(Role.CLERK, street=STREET, community="枯桃社区"),
            "worker": make_user(Role.GRID, street=STREET, community="枯桃社区"),
            "elsewhere": make_user(Role.CLERK, street=OTHER),
            "stranger": make_user(Role.GRID, street=OTHER, community="沙子口社区"),
            "lights": make_user(Role.HANDLER, department="区城市管理局"),
            "trainer": make_user(Role.TRAINER),
        }

    def unit(self, name: str) -> str:
        """The path of somebody's unit."""
        return home(self.people[name])

    def ask(self, name: str, method: str, path: str = "", **more):
        """Asks as somebody."""
        headers = {"Authorization": f"Bearer {token_of(self.people[name], self.clock.now)}"} | more.pop("headers", {})
        return self.client.request(method, f"/api/v1/orders{path}", headers=headers, **more)

    def issue(self, name: str, units: list[str], **more) -> int:
        """Issues a typhoon warning; returns its id."""
        body = {
            "title": "台风橙色预警",
            "text": "今晚排查低洼路段，转移危房住户",
            "level": "紧急",
            "units": units,
        } | more
        answer = self.ask(name, "POST", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def see(self, name: str, order: int) -> dict:
        """Reads an order that must be visible."""
        answer = self.ask(name, "GET", f"/{order}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def finish(self, name: str, order: int, words: str = "已排查三处，转移两户", **more):
        """Gives a receipt."""
        return self.ask(name, "POST", f"/{order}/receipt", data={"words": words}, **more)


@pytest.fixture
def house(client, make_user, clock) -> House:
    """The people."""
    return House(client, make_user, clock)


def paths(nodes: list[dict]) -> set[str]:
    """Every unit of a tree."""
    return {node["path"] for node in nodes}.union(*(paths(node["children"]) for node in nodes))


def told(sessions, clock) -> list[Notice]:
    """Delivers what waits; returns the notices of orders so far."""
    deliver_due(sessions, clock.now)
    with sessions() as db:
        return list(db.scalars(select(Notice).where(Notice.subject.like("ZL%")).order_by(Notice.id)))


def test_an_order_goes_down_the_tree_and_each_unit_answers(house, clock) -> None:
    order = house.issue("district", [STREET, OTHER])
    assert house.see("street", order)["mine"] == "未读"
    assert house.ask("street", "POST", f"/{order}/read").json()["mine"] == "已读"
    body = {"units": [VILLAGE], "note": "先看桥洞"}
    assert house.ask("office", "POST", f"/{order}/pass", json=body).status_code == 200
    body = {"units": [house.unit("worker")]}
    assert house.ask("village", "POST", f"/{order}/pass", json=body).status_code == 200
    clock.forward(minutes=20)
    assert house.finish("worker", order, "已到现场 13812345678").status_code == 200

    seen = house.see("district", order)
    assert seen["counts"] == {"total": 4, "read": 3, "done": 1, "overdue": 0}
    first, second = seen["tree"]
    assert [first["name"], second["name"]] == [OTHER, STREET] or [first["name"], second["name"]] == [STREET, OTHER]
    street = next(node for node in seen["tree"] if node["path"] == STREET)
    (village,) = street["children"]
    (worker,) = village["children"]
    assert (village["note"], village["kind"], worker["kind"]) == ("先看桥洞", "社区", "网格员")
    assert (worker["state"], worker["words"], worker["name"]) == ("已回执", "已到现场 138****5678", "某人")
    assert street["counts"] == {"total": 3, "read": 3, "done": 1, "overdue": 0}


def test_each_sees_only_the_own_branch(house) -> None:
    order = house.issue("district", [STREET, OTHER])
    house.ask("street", "POST", f"/{order}/pass", json={"units": [VILLAGE, house.unit("worker")]})
    everything = {STREET, OTHER, VILLAGE, house.unit("worker")}
    wanted = {
        "district": everything,
        "street": everything - {OTHER},
        "office": everything - {OTHER},
        "village": {VILLAGE, house.unit("worker")},
        "worker": {house.unit("worker")},
        "elsewhere": {OTHER},
    }
    for name, units in wanted.items():
        seen = house.see(name, order)
        assert paths(seen["tree"]) == units, name
        assert seen["counts"]["total"] == len(units), name
        assert house.ask(name, "GET").json()["total"] == 1, name
    for name in ("stranger", "lights", "trainer"):
        assert house.ask(name, "GET").json() == {"items": [], "total": 0, "page": 1}, name
        for method, path in (("GET", ""), ("POST", "/read"), ("GET", "/receipts/1/photo")):
            assert house.ask(name, method, f"/{order}{path}").status_code == 404, (name, path)


def test_a_street_sees_what_its_communities_issue_and_the_others_do_not(house) -> None:
    order = house.issue("village", [house.unit("worker")])
    assert paths(house.see("street", order)["tree"]) == {house.unit("worker")}
    assert house.see("village", order)["issued_here"] is True
    assert house.ask("elsewhere", "GET", f"/{order}").status_code == 404
    # Who only watches owes nothing.
    answer = house.finish("street", order)
    assert (answer.status_code, answer.json()["detail"]) == (409, "这条指令没有发给您的单位，不用回执")


@pytest.mark.parametrize("name", ["office", "worker", "lights", "trainer"])
def test_who_may_not_issue_is_told(house, name: str) -> None:
    body = {"title": "台风", "text": "排查", "level": "紧急", "units": [VILLAGE]}
    answer = house.ask(name, "POST", json=body)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"


def test_nobody_orders_upwards_sideways_or_into_the_void(house) -> None:
    worker = house.unit("worker")
    order = house.issue("district", [STREET])
    body = {"title": "台风", "text": "排查", "level": "紧急"}
    for units in ([STREET], [OTHER], [f"{OTHER}/沙子口社区"], ["没有的街道"], [house.unit("stranger")]):
        answer = house.ask("street", "POST", json=body | {"units": units})
        assert (answer.status_code, "下级里没有" in answer.json()["detail"]) == (422, True), units
        answer = house.ask("street", "POST", f"/{order}/pass", json={"units": units})
        assert answer.status_code == 422, units
    answer = house.ask("street", "POST", json=body | {"units": [f"{STREET}/东韩社区", worker]})
    assert (answer.status_code, "还没有能回执的账号" in answer.json()["detail"]) == (422, True)
    assert house.ask("worker", "POST", f"/{order}/pass", json={"units": [worker]}).status_code == 404
    order = house.issue("street", [worker])
    assert house.ask("worker", "POST", f"/{order}/pass", json={"units": [worker]}).status_code == 403


def test_the_units_on_offer_are_those_below(house) -> None:
    offered = {one["path"]: one for one in house.ask("village", "GET", "/units").json()["items"]}
    assert set(offered) == {house.unit("worker")}
    offered = {one["path"]: one for one in house.ask("street", "GET", "/units").json()["items"]}
    assert {one.split("/")[0] for one in offered} == {STREET}
    assert STREET not in offered
    assert (offered[VILLAGE]["people"], offered[f"{STREET}/东韩社区"]["people"]) == (1, 0)
    offered = {one["path"]: one for one in house.ask("district", "GET", "/units").json()["items"]}
    assert (offered[STREET]["people"], offered[STREET]["kind"], offered[VILLAGE]["name"]) == (2, "街道", "枯桃社区")
    assert house.ask("worker", "GET", "/units").status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": "  "},
        {"title": "长" * 121},
        {"text": ""},
        {"text": "长" * 5001},
        {"level": "十万火急"},
        {"units": []},
        {"units": ["甲"] * 1001},
        {"due_at": "2026-11-24T09:00:00+08:00"},
        {"due_at": "2028-11-24T09:00:00+08:00"},
        {"due_at": "2026-11-24T19:00:00"},
        {"colour": "red"},
    ],
)
def test_a_wrong_order_is_refused_in_words(house, sessions, wrong: dict) -> None:
    body = {"title": "台风", "text": "排查", "level": "紧急", "units": [STREET]} | wrong
    answer = house.ask("district", "POST", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert not answer.json()["detail"].isascii()
    with sessions() as db:
        assert db.scalar(select(func.count()).select_from(Order)) == 0


def test_the_level_gives_the_time_and_nobody_gives_more_than_he_has(house, clock) -> None:
    order = house.issue("district", [STREET], level="特急")
    assert house.see("street", order)["due_at"] == "2026-11-24T11:00:00+08:00"
    late = {"units": [VILLAGE], "due_at": (clock.now + timedelta(hours=2)).isoformat()}
    assert house.ask("street", "POST", f"/{order}/pass", json=late).status_code == 422
    soon = {"units": [VILLAGE], "due_at": (clock.now + timedelta(minutes=30)).isoformat()}
    assert house.ask("street", "POST", f"/{order}/pass", json=soon).status_code == 200
    assert house.see("village", order)["due_at"] == "2026-11-24T10:30:00+08:00"
    clock.forward(hours=3)
    # Too late oneself, one still gives those below a time in which it can be done.
    assert house.ask("village", "POST", f"/{order}/pass", json={"units": [house.unit("worker")]}).status_code == 200
    assert house.see("worker", order)["mine_overdue"] is False


def test_the_same_key_issues_once_and_the_same_pass_sends_once(house, sessions) -> None:
    body = {"title": "台风", "text": "排查", "level": "紧急", "units": [STREET]}
    key = {"Idempotency-Key": "one"}
    first, second = (house.ask("district", "POST", json=body, headers=key) for _ in range(2))
    assert (first.status_code, second.status_code, first.json()["id"]) == (201, 200, second.json()["id"])
    order = first.json()["id"]
    for units in ([VILLAGE], [VILLAGE, house.unit("worker")]):
        assert house.ask("street", "POST", f"/{order}/pass", json={"units": units}).status_code == 200
    with sessions() as db:
        assert db.scalar(select(func.count()).select_from(OrderReceipt)) == 3
        assert db.scalar(select(func.count()).where(OutboxEvent.topic == "order.sent")) == 3


def test_a_receipt_is_given_once(house, clock) -> None:
    order = house.issue("district", [STREET])
    assert house.finish("street", order, "  ").status_code == 422
    assert house.finish("street", order, "长" * 2001).status_code == 422
    assert house.see("street", order)["mine"] == "未读"
    assert house.finish("street", order).status_code == 200
    (node,) = house.see("district", order)["tree"]
    clock.forward(minutes=5)
    assert house.finish("office", order).status_code == 200  # sent again on a bad line
    assert house.finish("office", order, "别的话").status_code == 409
    assert house.ask("street", "POST", f"/{order}/read").status_code == 200
    assert house.see("district", order)["tree"] == [node]
    assert (node["state"], node["late"]) == ("已回执", False)


def test_a_receipt_may_have_a_photo_that_only_the_branch_sees(house, sessions, clock) -> None:
    order = house.issue("street", [VILLAGE, house.unit("worker")])
    answer = house.finish("worker", order, files={"photo": from_a_phone()})
    assert answer.status_code == 200, answer.text
    (node,) = answer.json()["tree"]
    assert node["photo"] is True
    address = f"/{order}/receipts/{node['id']}/photo"
    for name in ("worker", "village", "street", "district"):
        shown = house.ask(name, "GET", address)
        assert (shown.status_code, shown.content[:2]) == (200, b"\xff\xd8"), name
        assert b"MyPhone" not in shown.content
    assert house.ask("elsewhere", "GET", address).status_code == 404
    assert house.finish("village", order, files={"photo": b"%PDF-1.4"}).status_code == 415
    # The nightly broom takes photos that came to no case, not these.
    assert sweep(clock.now + UNFILED_FOR + timedelta(days=2)) == 0
    with sessions() as db:
        assert db.scalar(select(func.count()).select_from(Attachment)) == 1
        assert (
            "三处" not in db.connection().exec_driver_sql("SELECT words FROM order_receipts WHERE words > ''").scalar()
        )


def test_two_photos_alike_are_two_receipts(house) -> None:
    order = house.issue("street", [VILLAGE, house.unit("worker")])
    for name in ("village", "worker"):
        assert house.finish(name, order, files={"photo": photo()}).json()["mine"] == "已回执"


def test_an_overdue_receipt_is_reminded_of_once(house, sessions, clock) -> None:
    order = house.issue("district", [STREET, OTHER], level="特急")
    assert [one.unit for one in told(sessions, clock)] == [STREET, OTHER]
    house.finish("elsewhere", order)
    assert remind_overdue(sessions, clock.forward(minutes=60)) == 0  # the very minute is still in time
    assert remind_overdue(sessions, clock.forward(minutes=1)) == 1
    assert [remind_overdue(sessions, clock.forward(days=1)) for _ in range(2)] == [0, 0]
    (late,) = [one for one in told(sessions, clock) if "逾期" in one.title]
    assert (late.unit, late.urgent) == (STREET, True)
    assert late.title == "指令逾期没有回执：台风橙色预警，应在11月24日 11:00前，请马上办"
    seen = house.see("district", order)
    assert seen["counts"]["overdue"] == 1
    assert {node["path"]: node["overdue"] for node in seen["tree"]} == {STREET: True, OTHER: False}
    house.finish("street", order)
    (node,) = house.see("street", order)["tree"]
    assert (node["overdue"], node["late"]) == (False, True)


def test_who_answers_before_the_reminder_arrives_is_not_reminded(house, sessions, clock) -> None:
    order = house.issue("district", [STREET])
    assert remind_overdue(sessions, clock.forward(days=1)) == 1
    house.finish("street", order)
    assert not [one for one in told(sessions, clock) if "逾期" in one.title]


def test_only_the_unit_reads_its_notices(house, sessions, clock) -> None:
    order = house.issue("district", [STREET])
    told(sessions, clock)
    for name, count in {"street": 1, "office": 1, "village": 0, "worker": 0, "district": 0, "lights": 0}.items():
        headers = {"Authorization": f"Bearer {token_of(house.people[name], clock.now)}"}
        items = house.client.get("/api/v1/notices", headers=headers).json()["items"]
        assert [one["subject"] for one in items] == [f"ZL{order:06d}"] * count, name


def test_payloads_hold_ids_only(house, sessions, clock) -> None:
    house.issue("district", [STREET])
    remind_overdue(sessions, clock.forward(days=2))
    with sessions() as db:
        events = db.scalars(select(OutboxEvent).where(OutboxEvent.topic.like("order.%")))
        assert {(one.topic, *one.payload) for one in events} == {
            ("order.sent", "receipt_id"),
            ("order.overdue", "receipt_id"),
        }


def test_waiting_lists_what_is_owed_first_due_first(house) -> None:
    later = house.issue("district", [STREET], level="一般")
    sooner = house.issue("district", [STREET], level="特急")
    done = house.issue("district", [STREET])
    house.finish("street", done)
    items = house.ask("street", "GET", "?waiting=true").json()["items"]
    assert [one["id"] for one in items] == [sooner, later]
    assert house.ask("district", "GET", "?waiting=true").json()["total"] == 0


def test_an_unknown_number_is_not_found(house) -> None:
    assert house.ask("district", "GET", "/99").status_code == 404
    assert house.ask("district", "GET", f"/{2**31}").status_code == 422


RULES = """
roles: {issue: [admin], pass_down: [clerk], answer: [grid]}
levels:
  特急: {receipt: 1 小时, rings: true}
notices: {sent: "{title}", overdue: "{title}"}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("[admin]", "[mayor]", 2, "issue 应是岗位的列表"),
        ("1 小时", "一会儿", 4, "receipt 应是数字"),
        ("rings: true", "rings: 响", 4, "rings 应是"),
        ('sent: "{title}"', 'sent: "{phone}"', 5, "sent 应是一句话"),
        ('sent: "{title}"', 'sent: "{title"', 5, "sent 应是一句话"),
        ("pass_down: [clerk], ", "", 2, "缺少 pass_down"),
    ],
)
def test_a_wrong_rule_is_named_by_file_and_line(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    file = tmp_path / "orders.yml"
    file.write_text(RULES.replace(old, new), "utf-8")
    with pytest.raises(RuleError, match=words) as caught:
        load_orders(file)
    assert f"orders.yml:{line}" in str(caught.value)


def test_the_rules_of_the_house_hold() -> None:
    assert list(get_orders().levels) == ["特急", "紧急", "一般"]
    assert Role.GRID not in get_orders().issue
