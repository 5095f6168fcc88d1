"""A device's position in words: what a resident would say, which the bot then reads like any other message."""

import csv
import json
import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from api.cases.models import Case
from api.chat.enclosures import Position
from api.chat.models import ChatMessage, Draft
from api.errors import Problem
from api.settings import get_settings
from api.triage.service import get_places

System = Literal["wgs84", "gcj02"]
NEAR_M, REACH_M = 1_500, 5_000
"""Within the first the nearest place is named; beyond the second from every known place it is another district."""
USELESS_M = 5_000
"""A position as vague as this (a desktop computer, by its address) tells nothing."""

_EARTH_M = 6_371_000
_AXIS_M, _FLATTENING = 6_378_245.0, 0.00669342162296594323  # of the Krasovsky ellipsoid, which GCJ-02 is built on


class CoordinateError(ValueError):
    """A row of ``coordinates.csv`` is wrong; the text names file and line."""


@dataclass(frozen=True)
class Where:
    """A position: WGS-84 degrees, and within how many metres, if the device said."""

    lat: float
    lng: float
    accuracy: float | None = None

    def as_json(self) -> str:
        """Returns the form in which it is kept."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class _Point:
    name: str
    lat: float
    lng: float
    street: str | None


def words(lat: float, lng: float, accuracy: float | None, system: System = "wgs84") -> str:
    """Says where a device is, such as ``我在中韩街道枯桃社区附近``; outside the district it says so.

    Args:
        lat: degrees north.
        lng: degrees east.
        accuracy: radius in metres that the device gives for itself.
        system: ``wgs84`` from browsers; ``gcj02`` from 微信 and Chinese maps, some 500 m off.

    Raises:
        Problem: 422 when the device itself is unsure by kilometres.
    """
    here = locate(lat, lng, accuracy, system)
    if accuracy is not None and accuracy > USELESS_M:
        raise Problem(
            422, f"这台设备的定位误差约 {accuracy / 1000:.0f} 公里，没法用。请直接写出位置：哪个街道或社区、哪条路"
        )
    nearest = min(_points(), key=lambda point: _metres(here, point))
    distance = _metres(here, nearest)
    if distance > REACH_M:
        return "我现在的位置在崂山区以外"
    if nearest.street is None:
        return f"我现在的位置在{nearest.name}"
    named = distance <= NEAR_M and (accuracy is None or accuracy <= NEAR_M) and nearest.name != nearest.street
    return f"我在{nearest.street}{nearest.name if named else ''}附近"


def locate(lat: float, lng: float, accuracy: float | None, system: System) -> Where:
    """Returns the position in WGS-84, to the metre."""
    if system == "gcj02":
        lat, lng = _from_gcj02(lat, lng)
    return Where(round(lat, 5), round(lng, 5), None if accuracy is None else round(accuracy))


def of_case(db: Session, case: Case) -> Where | None:
    """Returns the last position that came with the messages of a case."""
    query = (
        select(Position.value)
        .join(ChatMessage, ChatMessage.id == Position.message_id)
        .join(Draft, Draft.id == ChatMessage.draft_id)
        .where(or_(Draft.case_no == case.no, Draft.id == case.draft_id))
        .order_by(Position.message_id.desc())
    )
    value = db.scalar(query.limit(1))
    return Where(**json.loads(value)) if value else None


@lru_cache
def _points() -> tuple[_Point, ...]:
    return read_points(get_settings().nlu_data / "places" / "coordinates.csv")


def read_points(path: Path) -> tuple[_Point, ...]:
    """Reads the known places; raises ``CoordinateError`` for a number or a name that does not hold."""
    points = []
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    rows = [(number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
    for number, line in rows[1:]:
        try:
            name, lat, lng = next(csv.reader([line]))
            place = get_places().resolve(name)
            if not (place.street or place.outside):
                raise ValueError(f"别的表里没有 {name!r}")
            points.append(_Point(name, float(lat), float(lng), place.street))
        except ValueError as error:
            raise CoordinateError(f"{path}:{number}：{error}") from error
    return tuple(points)


def _metres(here: Where, point: _Point) -> float:
    # Flat is good enough over some kilometres.
    east = math.radians(point.lng - here.lng) * math.cos(math.radians(here.lat))
    return math.hypot(east, math.radians(point.lat - here.lat)) * _EARTH_M


def _from_gcj02(lat: float, lng: float) -> tuple[float, float]:
    """Undoes the shift of Chinese maps: there is no formula back, so it is approached, to well below a metre."""
    guess = (lat, lng)
    for _ in range(4):
        shifted = to_gcj02(*guess)
        guess = (guess[0] + lat - shifted[0], guess[1] + lng - shifted[1])
    return guess


def to_gcj02(lat: float, lng: float) -> tuple[float, float]:
    """Shifts a WGS-84 position as Chinese maps do, by the formula that has been public since 2010."""
    x, y = lng - 105.0, lat - 35.0
    wave = (20 * math.sin(6 * math.pi * x) + 20 * math.sin(2 * math.pi * x)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + wave
    north += (20 * math.sin(math.pi * y) + 40 * math.sin(math.pi * y / 3)) * 2 / 3
    north += (160 * math.sin(math.pi * y / 12) + 320 * math.sin(math.pi * y / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + wave
    east += (20 * math.sin(math.pi * x) + 40 * math.sin(math.pi * x / 3)) * 2 / 3
    east += (150 * math.sin(math.pi * x / 12) + 300 * math.sin(math.pi * x / 30)) * 2 / 3
    phi = math.radians(lat)
    curve = 1 - _FLATTENING * math.sin(phi) ** 2
    north_degrees = math.degrees(north * curve**1.5 / (_AXIS_M * (1 - _FLATTENING)))
    return lat + north_degrees, lng + math.degrees(east * math.sqrt(curve) / (_AXIS_M * math.cos(phi)))
