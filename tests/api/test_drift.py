"""Drift: a week's triage against the weeks before it, with bands, and one notice when it leaves them."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from api.accounts.deps import SYSTEM
from api.accounts.models import Role
from api.cases.filing import Filing, file_case
from api.cases.models import TriageFeedback
from api.cases.rule_files import RuleError
from api.drift.report import Counts, compare, stability_index
from api.drift.rules import DriftRules, load_drift
from api.drift.service import WEEK, alert, monday
from api.notices.models import Notice
from api.triage.service import get_places
from tests.conftest import Clock, FixedTriager

RULES = DriftRules(weeks=8, least=30, stability=(0.1, 0.25), confidence=0.05, band=0.95)
USUAL = {"城乡建设": Counts(600, 540.0, 30), "交通运输": Counts(400, 360.0, 20)}


def counts(cases: int, confidence: float = 0.9, overridden: int = 0) -> Counts:
    return Counts(cases, cases * confidence, overridden)


def test_a_week_like_the_others_alerts_nobody() -> None:
    report = compare({"城乡建设": counts(60, overridden=3), "交通运输": counts(40, overridden=2)}, USUAL, RULES)
    assert report.alerts == []
    assert report.stability == pytest.approx(0.0)
    assert report.total.share == (1.0, 1.0)


def test_another_mix_is_an_alert() -> None:
    report = compare({"城乡建设": counts(10), "交通运输": counts(90)}, USUAL, RULES)
    assert report.stability == pytest.approx((0.1 - 0.6) * -1.791759 + (0.9 - 0.4) * 0.810930, abs=1e-4)
    assert report.alerts[0].startswith("分类构成变了")


def test_overrides_beyond_the_band_are_an_alert_for_that_class() -> None:
    report = compare({"城乡建设": counts(60, overridden=20), "交通运输": counts(40, overridden=2)}, USUAL, RULES)
    assert [line.name for line in report.lines if line.alert] == ["城乡建设"]
    assert report.lines[0].name == "城乡建设", "what has an alert comes first"


def test_a_fall_of_confidence_is_an_alert() -> None:
    report = compare({"城乡建设": counts(60, 0.7), "交通运输": counts(40)}, USUAL, RULES)
    assert any(one.startswith("城乡建设：平均把握 0.70") for one in report.alerts)


def test_nothing_is_concluded_from_few_cases() -> None:
    report = compare({"交通运输": counts(29, 0.2, 29)}, USUAL, RULES)
    assert (report.stability, report.alerts) == (None, [])


def test_a_new_class_and_one_that_has_gone_give_figures() -> None:
    report = compare({"金融": counts(100)}, USUAL, RULES)
    assert {line.name: line.cases for line in report.lines} == {
        "金融": (100, 0),
        "城乡建设": (0, 600),
        "交通运输": (0, 400),
    }
    assert report.stability is not None
    assert report.stability > 1


@given(st.dictionaries(st.sampled_from("abcde"), st.integers(0, 500), min_size=1))
def test_the_index_is_never_negative_and_nought_only_for_equal_mixes(cases: dict[str, int]) -> None:
    mix = {name: counts(number) for name, number in cases.items()}
    assert stability_index(mix, mix) == pytest.approx(0.0)
    assert stability_index(mix, USUAL) >= 0.0


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ("weeks: 0", 1),
        ("least: 很多", 2),
        ("stability: [0.3, 0.1]", 3),
        ("confidence: 2.0", 4),
        ("band: 0.95\nmore: 1", 6),
    ],
)
def test_a_wrong_rule_is_named_with_its_line(tmp_path: Path, wrong: str, line: int) -> None:
    good = ["weeks: 8", "least: 30", "stability: [0.1, 0.25]", "confidence: 0.05", "band: 0.95"]
    key = wrong.split(":")[0]
    file = tmp_path / "drift.yml"
    file.write_text("\n".join(wrong if one.startswith(f"{key}:") else one for one in good), "utf-8")
    with pytest.raises(RuleError, match=rf"drift\.yml:{line}\b"):
        load_drift(file)


@pytest.fixture
def weeks(client: TestClient, sessions: sessionmaker[Session], clock: Clock, fixed: FixedTriager) -> None:
    """Forty cases in the weeks before, all right; forty last week, half of them overridden."""
    clock.now = monday(clock.now) - 3 * WEEK + timedelta(hours=10)
    with sessions.begin() as db:
        for number in range(80):
            if number == 40:
                clock.now = monday(clock.now) + 2 * WEEK + timedelta(hours=10)
            filing = Filing(f"路灯不亮第{number}处", None, None, None, True, "web", None)
            case, _ = file_case(db, filing, fixed, get_places(), clock.now, SYSTEM)  # type: ignore[arg-type]
            if number >= 60:
                for _again in range(2):  # a second override of the same case counts once
                    db.add(
                        TriageFeedback(
                            case_id=case.id,
                            at=clock.now,
                            actor_id="x",
                            suggested=case.suggestion,
                            decided={"category": "交通运输"},
                            reason="不是路灯",
                            model_version="fixed",
                        )
                    )
    clock.now = monday(clock.now) + WEEK + timedelta(hours=5)


@pytest.mark.usefixtures("weeks")
def test_last_week_over_http(client: TestClient, sign_in: Callable[..., dict[str, str]]) -> None:
    found = client.get("/api/v1/drift", headers=sign_in(Role.TRAINER)).raise_for_status().json()
    (line,) = found["lines"]
    assert (line["name"], line["cases"]) == ("城乡建设", [40, 40])
    assert line["confidence"] == [pytest.approx(0.9), pytest.approx(0.9)]
    assert [rate["value"] for rate in line["overridden"]] == [pytest.approx(0.5), 0.0]
    assert "改判率 50%" in found["alerts"][0]
    assert client.get("/api/v1/drift", headers=sign_in(Role.CLERK)).status_code == 403
    assert client.get("/api/v1/drift?day=昨天", headers=sign_in(Role.TRAINER)).status_code == 422


@pytest.mark.usefixtures("weeks")
def test_one_notice_a_week(sessions: sessionmaker[Session], clock: Clock) -> None:
    assert alert(sessions, clock.now, RULES)
    assert alert(sessions, clock.now + timedelta(days=1), RULES) == []
    with sessions() as db:
        (notice,) = db.scalars(select(Notice).where(Notice.subject.startswith("drift-")))
        assert Role.TRAINER in notice.roles
        assert "改判率" in notice.title
