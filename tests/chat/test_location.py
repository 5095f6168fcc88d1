"""Where a device is, in words; the exact point on the case, for staff only."""

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from api.accounts.models import Role
from api.chat import location
from api.chat.location import CoordinateError, read_points, to_gcj02, words
from api.chat.models import ChatSession
from api.errors import Problem
from api.settings import get_settings
from api.triage.service import get_places
from tests.chat.conftest import Actions, FaultyBot, Look, Resident

KUTAO = (36.1440, 120.4840)


def test_the_table_covers_every_street_and_is_understood() -> None:
    points = read_points(get_settings().nlu_data / "places" / "coordinates.csv")
    inside = [point for point in points if point.street]
    assert len(inside) >= 40
    assert min(Counter(point.street for point in inside).values()) >= 4
    for point in points:
        place = get_places().resolve(words(point.lat, point.lng, 20))
        assert (place.street, place.outside) == (point.street, point.street is None), point


@pytest.mark.parametrize(
    ("lat", "lng", "accuracy", "said"),
    [
        (*KUTAO, 15, "我在中韩街道枯桃社区附近"),
        (*KUTAO, None, "我在中韩街道枯桃社区附近"),
        (*KUTAO, 2_000, "我在中韩街道附近"),  # too vague to name the place
        (36.0941, 120.4676, 15, "我在金家岭街道石老人海水浴场附近"),
        (36.2000, 120.6200, 15, "我在北宅街道附近"),  # in the mountains, kilometres from any place
        (36.0620, 120.3795, 15, "我现在的位置在市南区"),
        (36.1450, 120.4285, 15, "我现在的位置在李沧区"),
        (39.9000, 116.4000, 15, "我现在的位置在崂山区以外"),
        (0.0, 0.0, 15, "我现在的位置在崂山区以外"),
    ],
)
def test_a_position_becomes_what_a_resident_would_say(lat: float, lng: float, accuracy: float, said: str) -> None:
    assert words(lat, lng, accuracy) == said


def test_a_position_that_tells_nothing_is_not_used() -> None:
    with pytest.raises(Problem, match="12 公里") as refused:
        words(*KUTAO, 12_000)
    assert refused.value.status == 422


def test_chinese_maps_are_half_a_kilometre_off_and_corrected() -> None:
    # 五四广场: on Chinese maps about 120.3847, 36.0623
    assert to_gcj02(36.0619, 120.3795) == pytest.approx((36.0622, 120.3846), abs=3e-4)
    shifted = to_gcj02(*KUTAO)
    assert 300 < math.dist(shifted, KUTAO) * 100_000 < 800
    back = location.locate(*shifted, 15, "gcj02")
    assert (back.lat, back.lng) == pytest.approx(KUTAO, abs=1e-5)
    assert words(*shifted, 15, "gcj02") == "我在中韩街道枯桃社区附近"


@pytest.mark.parametrize("row", ["没有这个地方,36.1,120.4", "枯桃社区,abc,120.4", "枯桃社区,36.1"])
def test_a_bad_row_is_named(tmp_path: Path, row: str) -> None:
    path = tmp_path / "coordinates.csv"
    path.write_text(f"# 说明\nname,lat,lng\n{row}\n", encoding="utf-8")
    with pytest.raises(CoordinateError, match=r"coordinates\.csv:3"):
        read_points(path)


AT = {"lat": KUTAO[0], "lng": KUTAO[1], "accuracy": 18.4}


def test_the_bot_reads_words_and_the_page_learns_them(resident: Resident, bot: FaultyBot) -> None:
    answer = resident.post("", location=AT)
    assert answer.json()["said"] == "我在中韩街道枯桃社区附近"
    assert bot.texts == ["我在中韩街道枯桃社区附近"]
    assert resident.transcript()[-2]["text"] == "我在中韩街道枯桃社区附近"
    resident.say("路灯坏了", location=AT)
    assert bot.texts[-1] == "路灯坏了\n我在中韩街道枯桃社区附近"
    assert "said" not in resident.post("好").json()


@pytest.mark.parametrize(
    "at",
    [
        {"lat": 91, "lng": 0},
        {"lat": 0, "lng": 181},
        {"lat": "x", "lng": 0},
        {"lat": 36.1},
        {"lat": 36.1, "lng": 120.4, "accuracy": -1},
        {"lat": 36.1, "lng": 120.4, "system": "bd09"},
        {"lat": 36.1, "lng": 120.4, "accuracy": 40_000},
    ],
)
def test_a_position_that_cannot_be_is_refused(resident: Resident, bot: FaultyBot, at: Any) -> None:
    answer = resident.post("", location=at)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert bot.heard == []


def test_the_exact_point_is_on_the_case_and_sealed_at_rest(
    client: TestClient,
    resident: Resident,
    bot: FaultyBot,
    actions: Actions,
    look: Look,
    sessions: sessionmaker[Session],
    sign_in: Callable[..., dict[str, str]],
) -> None:
    resident.say("路灯坏了", location={"lat": 36.1, "lng": 120.45, "accuracy": 50})
    resident.say("", location=AT)
    no = actions.file(look(select(ChatSession.draft_id))[0]).json()["case_no"]
    shown = client.get(f"/api/v1/cases/{no}/attachments", headers=sign_in(Role.CLERK)).json()
    assert shown["location"] == {"lat": 36.144, "lng": 120.484, "accuracy": 18}
    with sessions() as db:
        raw = db.connection().exec_driver_sql("select value from chat_positions").scalars().all()
    assert len(raw) == 2
    assert "36.1" not in str(raw)
