"""The service's part of the ``laoxian`` command."""

import pytest
from sqlalchemy import inspect, text
from typer.testing import CliRunner

from api.accounts.deps import SYSTEM
from api.accounts.service import find_user
from api.cases.filing import Filing, file_case
from api.cli import app
from api.triage.service import get_places


@pytest.fixture
def run(sessions):
    """Runs the command; gives back exit code and everything it printed."""

    def call(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, list(arguments))
        return result.exit_code, result.output

    return call


def test_accounts_from_cradle_to_grave(run, sessions):
    create = ["user", "create", "lisi", "--role", "handler", "--name", "李四", "--password", "一个足够长的密码"]
    assert run(*create, "--department", "区城市管理局")[0] == 0
    assert "李四" in run("user", "list")[1]
    code, output = run(*create)
    assert (code, "已经有了" in output) == (1, True)
    assert run("user", "disable", "lisi")[0] == 0
    with sessions() as db:
        assert not find_user(db, "lisi").active
    assert run("user", "reset", "lisi", "--password", "另一个足够长的密码")[0] == 0
    with sessions() as db:
        user = find_user(db, "lisi")
        assert (user.active, user.department) == (True, "区城市管理局")


def test_keys_and_signing_out_everywhere(run, sessions):
    run("user", "create", "lisi", "--role", "clerk", "--password", "一个足够长的密码")
    code, output = run("user", "key", "create", "lisi", "--name", "12345 平台")
    assert (code, "lxk_" in output) == (0, True)
    assert "有效" in run("user", "key", "list", "lisi")[1]
    assert run("user", "key", "revoke", "1")[0] == 0
    assert "已吊销" in run("user", "key", "list", "lisi")[1]
    assert run("user", "key", "create", "nobody", "--name", "x")[0] == 1
    assert run("user", "sign-out", "lisi")[0] == 0
    with sessions() as db:
        assert find_user(db, "lisi").token_version == 2


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("--department", "区城管局", "没有这个承办单位"),
        ("--street", "中韩", "没有这个街道"),
        ("--community", "没有的社区", "没有这个社区"),
        ("--password", "短", "至少 8 位"),
    ],
)
def test_slips_are_refused(run, option, value, word):
    code, output = run("user", "create", "lisi", "--role", "grid", "--password", "一个足够长的密码", option, value)
    assert code == 1
    assert word in output


def test_seed_demo_may_run_at_every_start(run):
    for _ in range(2):
        code, output = run("user", "seed-demo", "--password", "演示用的很长的密码")
        assert (code, "admin、staff、trainer、grid" in output) == (0, True)


def test_audit_names_the_case_that_was_touched(run, sessions, fixed, clock):
    with sessions() as db:
        filing = Filing("路灯坏了", "中韩社区", None, None, True, "web", None)
        case, _created = file_case(db, filing, fixed, get_places(), clock.now, SYSTEM)
        db.commit()
        assert run("audit", "verify")[0] == 0
        if db.get_bind().dialect.name == "sqlite":
            db.execute(text("DROP TRIGGER case_history_no_UPDATE"))
        else:
            db.execute(text("SET LOCAL session_replication_role = replica"))
        db.execute(text("UPDATE case_history SET action = '受理'"))
        db.commit()
    code, output = run("audit", "verify")
    assert code == 1
    assert f"{case.no}：第 1 条记录" in output


def test_upgrade_brings_an_empty_database_up(tmp_path, monkeypatch):
    from api.db import make_engine
    from api.settings import get_settings

    url = f"sqlite:///{tmp_path / 'new.db'}"
    monkeypatch.setenv("LAOXIAN_DATABASE_URL", url)
    get_settings.cache_clear()
    assert CliRunner().invoke(app, ["db", "upgrade"]).exit_code == 0
    engine = make_engine(url)
    assert "cases" in inspect(engine).get_table_names()
    engine.dispose()
    get_settings.cache_clear()
