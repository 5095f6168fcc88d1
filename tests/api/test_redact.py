"""Personal data is taken out before anybody labels: the measured floor, and single cases worth a name."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.privacy.redact import redact
from api.privacy.redact_eval import read_marked, score
from classifier.taxonomy import RuleError

SET = Path(__file__).resolve().parents[2] / "nlu_data" / "redaction"


def test_the_set_is_large_and_of_every_kind() -> None:
    rows = read_marked(SET / "dev.txt") + read_marked(SET / "held_out.txt")
    assert len(rows) >= 200
    assert len({text for text, _ in rows}) == len(rows)
    assert {span.kind for _, spans in rows for span in spans} == {
        "姓名", "电话", "证件", "车牌", "门牌", "邮箱", "微信", "号码",
    }  # fmt: skip


@pytest.mark.parametrize(("half", "recall", "precision"), [("dev.txt", 0.97, 0.98), ("held_out.txt", 0.88, 0.95)])
def test_recall_and_precision_hold(half: str, recall: float, precision: float) -> None:
    found = score(read_marked(SET / half))
    assert found.recall >= recall, found.missed
    assert found.precision >= precision, found.needless


def test_numbers_never_pass() -> None:
    found = score(read_marked(SET / "dev.txt") + read_marked(SET / "held_out.txt"))
    for kind in ("电话", "证件", "车牌", "邮箱", "微信", "号码"):
        assert found.covered[kind] == found.marked[kind], found.missed


def test_the_text_stays_as_it_was_typed_around_the_placeholders() -> None:
    said = "我係３號樓的，電話１３８１２３４５６７８！！！路燈壞了"
    assert redact(said) == "我係〔门牌〕的，電話〔电话〕！！！路燈壞了"


def test_a_reporter_known_by_name_is_taken_out_wherever_they_stand() -> None:
    assert redact("阿依古丽说过，阿依古丽家漏水", ["阿依古丽", ""]) == "〔姓名〕说过，〔姓名〕家漏水"


@pytest.mark.parametrize("text", ["〔姓名〕的狗", "", "😀", "12345打不通", "110来过了"])
def test_nothing_personal_stays_as_it_is_and_twice_is_once(text: str) -> None:
    assert redact(text) == text


def test_a_bad_mark_is_named_by_line(tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    file.write_text("好的\n{人|王五}来了\n", "utf-8")
    with pytest.raises(RuleError, match=r"x\.txt:2: 不认识的种类"):
        read_marked(file)


def test_the_command_reports() -> None:
    done = CliRunner().invoke(app, ["curation", "redaction"])
    assert done.exit_code == 0, done.output
    assert "held_out" in done.output
    assert "召回" in done.output
