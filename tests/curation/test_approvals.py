"""Lifting the gate takes two accounts that may, each once, and is kept on both sides."""

import json

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from api.accounts.models import Role
from api.cli import app
from api.curation.approvals import approve
from api.curation.models import GateApproval
from api.errors import Problem
from tests.conftest import PASSWORD
from training.gate import approved_by, write_verdict
from training.registry import Registry


@pytest.fixture
def models(tmp_path):
    for name in ("default", "new"):
        (tmp_path / "m" / name).mkdir(parents=True)
        (tmp_path / "m" / name / "labels.json").write_text(json.dumps({"version": name, "task": "triage"}), "utf-8")
    write_verdict(Registry(tmp_path / "m"), "new", tmp_path, ["政法掉了"], {})
    return tmp_path / "m"


def test_two_accounts_lift_the_gate_by_the_command(models, make_user, db):
    make_user(Role.TRAINER, "chen")
    make_user(Role.SUPERVISOR, "zhao")
    make_user(Role.CLERK, "li")

    def run(username: str, password: str = PASSWORD):
        options = ["--why", "只差一条", "--username", username, "--password", password, "--folder", str(models)]
        return CliRunner().invoke(app, ["gate", "approve", "new", *options])

    assert "还要一个账号" in run("chen").output
    assert approved_by(models / "new") == ["chen"]
    assert (run("chen").exit_code, run("li").exit_code, run("zhao", "wrong").exit_code) == (1, 1, 1)
    done = run("zhao")
    assert done.exit_code == 0, done.output
    assert approved_by(models / "new") == ["chen", "zhao"]
    assert [one.why for one in db.scalars(select(GateApproval).order_by(GateApproval.id))] == ["只差一条"] * 2


def test_what_needs_no_lifting_or_was_not_compared_is_refused(models, make_user, db, clock):
    user = make_user(Role.TRAINER)
    with pytest.raises(Problem, match="还没有比过"):
        approve(db, user, models / "default", "因为", clock.now)
    with pytest.raises(Problem, match="请写明理由"):
        approve(db, user, models / "new", " ", clock.now)
    write_verdict(Registry(models), "new", models.parent, [], {})
    with pytest.raises(Problem, match="不用批准"):
        approve(db, user, models / "new", "因为", clock.now)
