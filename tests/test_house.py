"""What holds for the whole house: the arrows between rooms, the locks, the commands that others rely on."""

import subprocess

import pytest
import yaml

from ops.house import BIN, REPO


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
