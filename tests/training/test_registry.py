"""Promotion and rollback swap whole folders."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from training.cli import app
from training.registry import Registry, RegistryError


def _version(folder: Path, name: str, version: str) -> None:
    (folder / name).mkdir()
    (folder / name / "labels.json").write_text(json.dumps({"version": version, "task": "triage"}), "utf-8")


def _active(folder: Path) -> str:
    return next(v.version for v in Registry(folder).versions() if v.active)


def test_promote_and_roll_back(tmp_path: Path) -> None:
    _version(tmp_path, "default", "1")
    _version(tmp_path, "new", "2")
    Registry(tmp_path).promote("new")
    assert _active(tmp_path) == "2"
    assert (tmp_path / "new").is_dir()
    Registry(tmp_path).rollback()
    assert _active(tmp_path) == "1"
    Registry(tmp_path).rollback()
    assert _active(tmp_path) == "2"


@pytest.mark.parametrize("name", ["none", "default", ""])
def test_only_a_known_version_can_be_promoted(tmp_path: Path, name: str) -> None:
    _version(tmp_path, "default", "1")
    with pytest.raises(RegistryError, match="没有可启用的版本"):
        Registry(tmp_path).promote(name)


def test_nothing_to_go_back_to(tmp_path: Path) -> None:
    _version(tmp_path, "default", "1")
    with pytest.raises(RegistryError, match="没有可退回的版本"):
        Registry(tmp_path).rollback()


def test_the_command_lists_and_refuses_in_one_line(tmp_path: Path) -> None:
    _version(tmp_path, "default", "1")
    done = CliRunner().invoke(app, ["models", "list", "--folder", str(tmp_path)])
    assert done.exit_code == 0
    assert "default" in done.output
    done = CliRunner().invoke(app, ["models", "promote", "none", "--folder", str(tmp_path)])
    assert done.exit_code == 2
    assert "没有可启用的版本" in done.output
