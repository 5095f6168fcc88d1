"""What staff look at, timed one after another as three of them: a clerk, a street, a department."""

import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import func, select

from api.accounts.models import Role, User
from api.accounts.sessions import open_session
from api.cases.listing import CaseFilter, list_cases
from api.cases.models import Case
from api.cases.routes import find_case, similar_cases
from api.cases.views import case_summary
from api.columns import utcnow
from api.console import case_data, data
from api.console.data import Ticket, as_staff
from api.db import session_factory
from ops.bench_life import ANSWER, Prepared, stories

ROUNDS = 40
WORDS = ("路灯", "噪音扰民", "垃圾", "物业", "小区 漏水", "灯", "3号楼", "幼儿园", "罗马尼亚", ANSWER[7:12])
Look = Callable[[], Any]


def make_staff() -> dict[str, User]:
    """Adds the three, each with the scope that holds the most cases: the slowest to serve."""
    with session_factory().begin() as db:
        department, street = (
            db.scalars(select(column).group_by(column).order_by(func.count().desc()).limit(1)).one()
            for column in (Case.department, Case.street)
        )
        wanted: dict[str, dict[str, Any]] = {
            "受理员": {"role": Role.CLERK},
            f"{street}督办": {"role": Role.SUPERVISOR, "street": street},
            f"{department}承办": {"role": Role.HANDLER, "department": department},
        }
        people = {}
        for number, (name, scope) in enumerate(wanted.items()):
            people[name] = User(username=f"bench-{number}", name=name, password_hash="-", **scope)
            db.add(people[name])
        return people


def measure(user: User) -> dict[str, dict[str, float]]:
    """Returns p50 and p95 in milliseconds of each thing that ``user`` looks at."""
    found = {}
    for what, looks in _looks(user).items():
        times = []
        for number, look in zip(range(-2, ROUNDS), looks, strict=False):
            began = time.perf_counter()
            look()
            if number >= 0:  # the first ones fill caches
                times.append((time.perf_counter() - began) * 1000)
        found[what] = {"p50_ms": statistics.median(times), "p95_ms": sorted(times)[int(len(times) * 0.95)]}
    return found


def _looks(user: User) -> dict[str, Iterator[Look]]:
    draw = random.Random(7)
    with session_factory().begin() as db:
        ticket = Ticket(user.id, open_session(db, user, "console", timedelta(hours=1), utcnow()).id)
    triager = Prepared()
    triager.embed([text for text, _place in stories()])
    with as_staff(ticket) as (db, _user):
        cases, _total = list_cases(db, user, CaseFilter(page_size=100), utcnow())
        numbers = [case.no for case in cases]
    classes = sorted({case.category for case in cases})

    def queue(tab: str, order: str, **wanted: Any) -> Look:
        return partial(data.queue, ticket, tab, order, CaseFilter(page_size=30, **wanted), utcnow())

    def forever(make: Callable[[], Look]) -> Iterator[Look]:
        while True:
            yield make()

    return {
        "待办队列": forever(lambda: queue("mine", "urgent", page=draw.randint(1, 3))),
        "全部，最新": forever(lambda: queue("all", "new", page=draw.randint(1, 20))),
        "筛选": forever(lambda: queue("all", "new", category=[draw.choice(classes)], urgency=["紧急", "一般"])),
        "只看超期": forever(lambda: queue("mine", "due", overdue=True)),
        "搜索": forever(lambda: queue("all", "new", q=draw.choice(WORDS))),
        "按编号搜": forever(lambda: queue("all", "new", q=draw.choice(numbers))),
        "接口列表": forever(lambda: partial(_index, ticket, utcnow())),
        "诉求件页": forever(lambda: partial(case_data.case_page, ticket, draw.choice(numbers), utcnow())),
        "相似件": forever(lambda: partial(_similar, ticket, draw.choice(numbers), triager, utcnow())),
    }


def _index(ticket: Ticket, now: datetime) -> list[Any]:
    with as_staff(ticket) as (db, user):
        cases, _total = list_cases(db, user, CaseFilter(), now)
        return [case_summary(case, now, user.role) for case in cases]


def _similar(ticket: Ticket, no: str, triager: Prepared, now: datetime) -> list[Any]:
    with as_staff(ticket) as (db, user):
        return similar_cases(db, find_case(db, no, user), user, triager, now)  # type: ignore[arg-type]
