"""What holds for the whole house: the arrows between rooms, the locks, the commands that others rely on."""

import subprocess
from pathlib import Path

import pytest
import yaml

from ops.house import BIN, REPO, free_ports
from ops.up import UpError, check


def test_arrows_between_rooms_point_one_way():
    result = subprocess.run([str(BIN / "lint-imports")], cwd=REPO, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("part", ["app", "dev", "bot", "train"])
def test_every_environment_is_locked(part: str):
    lines = (REPO / "requirements" / f"{part}.lock").read_text().splitlines()
    assert all("==" in line for line in lines if line[:1].isalnum())


@pytest.mark.parametrize("name", ["app", "dev", "bot", "train"])
def test_every_library_says_why_it_is_there(name: str):
    for line in (REPO / "requirements" / f"{name}.in").read_text().splitlines():
        bare = line.split("#")[0].strip()
        if bare and not bare.startswith(("-r", "types-", "numpy")):
            assert "#" in line, line


def test_serving_needs_no_torch():
    for part in ("app", "bot"):
        assert "torch==" not in (REPO / "requirements" / f"{part}.lock").read_text()


@pytest.mark.parametrize("command", ["triage", "train", "evaluate", "models", "user", "db", "audit", "data"])
def test_the_command_line_explains_itself(command: str):
    result = subprocess.run([str(BIN / "laoxian"), command, "--help"], capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert "Usage" in result.stdout


def test_everything_the_bot_may_say_is_in_the_domain():
    domain = yaml.safe_load((REPO / "domain.yml").read_text(encoding="utf-8"))
    said = set()
    for file in (REPO / "actions").glob("*.py"):
        said |= {word.strip('"') for word in file.read_text(encoding="utf-8").split() if word.startswith('"utter_')}
    named = {word.strip('",()[]{}:') for word in said}
    assert {name for name in named if name.isidentifier()} <= set(domain["responses"])


def test_a_folder_of_somebody_else_is_left_as_it_is(tmp_path: Path):
    (tmp_path / "photos").mkdir()
    tmp_path.chmod(0o755)
    with pytest.raises(UpError, match="不像崂先办的数据目录"):
        check(free_ports(1)[0], tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_an_empty_folder_and_one_of_ours_are_taken(tmp_path: Path):
    check(free_ports(1)[0], tmp_path / "new")
    (tmp_path / "secrets.env").touch()
    check(free_ports(1)[0], tmp_path)
