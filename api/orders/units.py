"""The tree of units 区 → 街道 → 社区 → 网格员, each named by its path: ``""``, ``中韩街道``, ``中韩街道/枯桃社区``.

A grid worker is a unit of his own below his place, ``中韩街道/枯桃社区/@<account id>``: the accounts know no grids.
"""

from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts.models import Role, User
from api.cases.routing import office_of
from api.orders.rules import get_orders
from api.triage.service import get_places

DISTRICT, DISTRICT_NAME = "", "崂山区"
WORKER = "@"
_KINDS = ("区", "街道", "社区")


@dataclass(frozen=True)
class Unit:
    """A unit of the tree.

    Attributes:
        people: how many accounts can give its receipt.
    """

    path: str
    name: str
    kind: str
    people: int


@lru_cache
def streets() -> dict[str, list[str]]:
    """Returns the communities of each street of the district."""
    return get_places().communities()


def home(user: User) -> str | None:
    """Returns the path of the unit to which an account belongs, ``None`` for one outside the tree.

    A handler of a street office belongs to the street; who handles or works for a department of the district, or only
    teaches the model, stands beside the tree.
    """
    if user.role == Role.TRAINER:
        return None
    street = user.street
    if user.department or user.role == Role.HANDLER:
        street = next((name for name in streets() if office_of(name) == user.department), None)
        if street is None or user.street not in (None, street):
            return None
    if user.community and street is None:
        street = next((name for name, own in streets().items() if user.community in own), None)
        if street is None:
            return None
    place = "/".join(filter(None, (street, user.community)))
    if user.role != Role.GRID:
        return place
    return f"{place}/{WORKER}{user.id}" if place else None


def is_below(path: str, root: str) -> bool:
    """Tells whether one unit lies below another."""
    return path != root and (root == DISTRICT or path.startswith(f"{root}/"))


def kind_of(path: str) -> str:
    """Returns 区, 街道, 社区 or 网格员."""
    if path.rpartition("/")[2].startswith(WORKER):
        return "网格员"
    return _KINDS[0] if path == DISTRICT else _KINDS[path.count("/") + 1]


def user_names(db: Session, ids: list[str]) -> dict[str, str]:
    """Returns the names of accounts by id."""
    return {user_id: name for user_id, name in db.execute(select(User.id, User.name).where(User.id.in_(ids)))}


def names_of(db: Session, paths: list[str]) -> dict[str, str]:
    """Returns what people call the units, by path."""
    last = {path: path.rpartition("/")[2] for path in paths}
    ids = [name.removeprefix(WORKER) for name in last.values() if name.startswith(WORKER)]
    people = user_names(db, ids)
    return {
        path: people.get(name.removeprefix(WORKER), "网格员") if name.startswith(WORKER) else name or DISTRICT_NAME
        for path, name in last.items()
    }


def units_below(db: Session, root: str) -> list[Unit]:
    """Returns the units below ``root`` in the order of the tree, those without any account as well."""
    able = get_orders().answer
    homes = [(home(user), user) for user in db.scalars(select(User).where(User.active)) if user.role in able]
    people: dict[str, list[str]] = {}
    for path, user in homes:
        if path is not None:
            people.setdefault(path, []).append(user.name)
    found = []
    for street, communities in streets().items():
        for place in (street, *(f"{street}/{name}" for name in communities)):
            workers = [path for path in people if path.startswith(f"{place}/{WORKER}")]
            found += [place, *workers]
    return [
        Unit(path, _name(path, people), kind_of(path), len(people.get(path, [])))
        for path in found
        if is_below(path, root)
    ]


def _name(path: str, people: dict[str, list[str]]) -> str:
    return people[path][0] if WORKER in path else path.rpartition("/")[2]
