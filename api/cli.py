"""The service's part of the ``laoxian`` command: accounts, database, audit."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from alembic import command
from alembic.config import Config
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import select

from api.accounts.keys_cli import key_app
from api.accounts.logins import OUTCOMES, recent_logins
from api.accounts.models import ROLE_NAMES, Role, User
from api.accounts.service import create_user, disable, find_user, seed_demo, set_password
from api.cases.audit import findings, missing_cases
from api.cases.diagram import redraw
from api.cases.models import Case
from api.cases.routing import check_department
from api.cases.workflow import get_workflow
from api.curation.cli import app as curation_app
from api.curation.cli import gate_app
from api.db import session_factory
from api.errors import Problem
from api.privacy.cli import erase, keys_app
from api.settings import REPO
from api.triage.service import get_places, get_taxonomy
from api.wechat.cli import app as wechat_app
from classifier.taxonomy import RuleError

app = typer.Typer(no_args_is_help=True, help="服务端管理：账号、数据库、审计")
user_app = typer.Typer(no_args_is_help=True, help="工作人员账号")
db_app = typer.Typer(no_args_is_help=True, help="数据库")
audit_app = typer.Typer(no_args_is_help=True, help="审计")
app.add_typer(user_app, name="user")
user_app.add_typer(key_app, name="key")
app.add_typer(db_app, name="db")
app.add_typer(audit_app, name="audit")
app.add_typer(keys_app, name="keys")
app.command("erase")(erase)
app.add_typer(wechat_app, name="wechat")
app.add_typer(curation_app, name="curation")
app.add_typer(gate_app, name="gate")

console = Console()
Password = Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="密码，至少 8 位")]
Username = Annotated[str, typer.Argument(help="用户名")]


def _fail(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(1)


@user_app.command("create")
def user_create(
    username: Username,
    role: Annotated[Role, typer.Option(help="岗位")],
    password: Password,
    name: Annotated[str, typer.Option(help="姓名")] = "",
    department: Annotated[str | None, typer.Option(help="承办单位")] = None,
    street: Annotated[str | None, typer.Option(help="街道")] = None,
    community: Annotated[str | None, typer.Option(help="社区")] = None,
) -> None:
    """新建账号。"""
    try:
        _check_scope(department, street, community)
        with session_factory().begin() as db:
            create_user(db, username, password, name or username, role, department, street, community)
    except Problem as problem:
        raise _fail(problem.detail) from None
    console.print(f"已建账号 {username}（{ROLE_NAMES[role]}）")


def _check_scope(department: str | None, street: str | None, community: str | None) -> None:
    """Refuses a name that no case will ever carry: a slip of the pen would leave the account without any work."""
    if department:
        check_department(department, get_taxonomy())
    if street and get_places().resolve(street).street != street:
        raise Problem(422, f"没有这个街道：{street}")
    if community and get_places().resolve(f"{street or ''}{community}").community != community:
        raise Problem(422, f"没有这个社区：{community}")


DemoPassword = Annotated[
    str, typer.Option(envvar="LAOXIAN_DEMO_PASSWORD", prompt=True, hide_input=True, help="密码，至少 8 位")
]


@user_app.command("seed-demo")
def user_seed_demo(password: DemoPassword) -> None:
    """建演示账号 admin、staff、trainer、grid；已有的改成这个密码。"""
    try:
        with session_factory().begin() as db:
            users = seed_demo(db, password)
    except Problem as problem:
        raise _fail(problem.detail) from None
    console.print(f"演示账号：{'、'.join(user.username for user in users)}")


@user_app.command("list")
def user_list() -> None:
    """列出账号。"""
    table = Table("用户名", "姓名", "岗位", "单位", "街道", "社区", "状态")
    with session_factory()() as db:
        for user in db.scalars(select(User).order_by(User.username)):
            scope = (user.department or "", user.street or "", user.community or "")
            state = "启用" if user.active else "停用"
            table.add_row(user.username, user.name, ROLE_NAMES[Role(user.role)], *scope, state)
    console.print(table)


@user_app.command("disable")
def user_disable(username: Username) -> None:
    """停用账号，已发的令牌立即失效。"""
    with session_factory().begin() as db:
        user = find_user(db, username)
        if user is None:
            raise _fail(f"没有账号 {username}")
        disable(user)
    console.print(f"已停用 {username}")


@user_app.command("sign-out")
def user_sign_out(username: Username) -> None:
    """让账号在所有地方退出：令牌和工作台会话立即失效，密码和接口密钥不变。"""
    with session_factory().begin() as db:
        user = find_user(db, username)
        if user is None:
            raise _fail(f"没有账号 {username}")
        user.token_version += 1
    console.print(f"{username} 已在所有地方退出")


@user_app.command("reset")
def user_reset(username: Username, password: Password) -> None:
    """重设密码，解除锁定并启用账号。"""
    try:
        with session_factory().begin() as db:
            user = find_user(db, username)
            if user is None:
                raise _fail(f"没有账号 {username}")
            set_password(db, user, password)
            user.active = True
    except Problem as problem:
        raise _fail(problem.detail) from None
    console.print(f"已重设 {username} 的密码")


@db_app.command("upgrade")
def db_upgrade(revision: Annotated[str, typer.Argument(help="目标版本")] = "head") -> None:
    """把数据库结构升级到最新。"""
    command.upgrade(alembic_config(), revision)
    console.print("数据库已是最新结构")


def alembic_config() -> Config:
    """Returns Alembic's configuration; the database is the one of the settings."""
    config = Config()
    config.set_main_option("script_location", str(REPO / "api" / "migrations"))
    return config


@app.command("draw-workflow")
def draw_workflow(
    page: Annotated[Path, typer.Argument(help="哪一页")] = REPO / "docs" / "workflow.md",
) -> None:
    """照流转表重画说明页里的状态图。"""
    try:
        page.write_text(redraw(page.read_text("utf-8"), get_workflow()), "utf-8")
    except (OSError, ValueError, RuleError) as error:
        raise _fail(str(error)) from None
    console.print(f"已重画 {page}")


@audit_app.command("verify")
def audit_verify() -> None:
    """逐件核对办理记录：改动、缺失、被删的末尾、手改的状态、整件被删；有问题就列出来并以 1 退出。"""
    broken = 0
    started = datetime.now().astimezone()
    with session_factory()() as db:
        ids = list(db.scalars(select(Case.id).order_by(Case.id)))
        gone = missing_cases(db)
    for case_id in track(ids, description="核对办理记录", console=console, disable=not console.is_terminal):
        with session_factory()() as db:
            case = db.get_one(Case, case_id)
            found = [f"{case.no}：{finding}" for finding in findings(db, case)]
        broken += bool(found)
        for line in found:
            typer.echo(line)
    for line in gone:
        typer.echo(line)
    seconds = (datetime.now().astimezone() - started).total_seconds()
    typer.echo(f"核对了 {len(ids)} 件，{broken} 件有问题，{len(gone)} 天缺件，用时 {seconds:.1f} 秒")
    if broken or gone:
        raise typer.Exit(1)


@audit_app.command("logins")
def audit_logins(limit: Annotated[int, typer.Option(help="最近多少条")] = 50) -> None:
    """最近的登录：谁、从哪里、成没成。"""
    table = Table("时间", "用户名", "来源", "结果")
    with session_factory()() as db:
        for one in recent_logins(db, limit):
            table.add_row(f"{one.at.astimezone():%Y-%m-%d %H:%M:%S}", one.username, one.source, OUTCOMES[one.outcome])
    console.print(table)
