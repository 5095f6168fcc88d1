"""The file of lines: a mistake in it names file and entry."""

from pathlib import Path

import pytest
import yaml

from api.chat.lines import FrontLines, LinesError, read_lines, script_of
from api.settings import REPO

FILE = REPO / "nlu_data" / "front_lines.yml"


def test_the_shipped_lines_are_sound() -> None:
    lines = read_lines(FILE, FrontLines)
    assert lines.greet()
    for number, text in lines.emergency.items():
        assert number in text


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"bot_down": None}, "bot_down"),
        ({"hello": "您好"}, "hello"),
        ({"already_filed": "编号 {number_of_case}"}, "already_filed"),
        ({"emergency": {"119": "快打 119"}}, "emergency"),
        ({"greeting": "您好"}, "greeting"),
    ],
)
def test_a_mistake_names_file_and_entry(tmp_path: Path, change: dict[str, object], names: str) -> None:
    raw = yaml.safe_load(FILE.read_text(encoding="utf-8")) | change
    path = tmp_path / "front_lines.yml"
    path.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    with pytest.raises(LinesError, match=f"front_lines.yml: {names}"):
        read_lines(path, FrontLines)


def test_broken_yaml_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "front_lines.yml"
    path.write_text("empty: [", encoding="utf-8")
    with pytest.raises(LinesError, match=r"front_lines\.yml"):
        read_lines(path, FrontLines)


def test_a_script_stays_until_the_other_is_clearly_written() -> None:
    assert script_of("樓上裝修噪音太大了", "hans") == "hant"
    assert script_of("沙子口街道段家埠社區", "hant") == "hant"
    assert script_of("13800530101", "hant") == "hant"
    assert script_of("楼上装修噪声太大了", "hant") == "hans"
