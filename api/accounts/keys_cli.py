"""``laoxian user key``: keys for programs."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from api.accounts.keys import keys_of, make_key, revoke_key
from api.accounts.models import User
from api.accounts.service import find_user
from api.columns import utcnow
from api.db import session_factory
from api.errors import Problem

key_app = typer.Typer(no_args_is_help=True, help="接口密钥：程序以某个账号的岗位和范围调用接口")
Username = Annotated[str, typer.Argument(help="用户名")]


@key_app.command("create")
def key_create(
    username: Username,
    name: Annotated[str, typer.Option(help="用途，例如 12345 平台")],
    days: Annotated[int, typer.Option(help="有效天数")] = 365,
) -> None:
    """给账号发一把密钥；只显示这一次。"""
    try:
        with session_factory().begin() as db:
            key = make_key(db, _user(db, username), name, days, utcnow())
    except Problem as problem:
        raise _fail(problem) from None
    typer.echo(f"请妥善保存，只显示这一次。用法：Authorization: Bearer 密钥\n{key}")


@key_app.command("list")
def key_list(username: Username) -> None:
    """列出账号的密钥。"""
    table = Table("编号", "用途", "到期", "最近使用", "状态")
    try:
        with session_factory()() as db:
            for one in keys_of(db, _user(db, username)):
                used = f"{one.last_used_at:%Y-%m-%d %H:%M}" if one.last_used_at else "没有用过"
                state = "已吊销" if one.revoked_at else "已到期" if one.expires_at <= utcnow() else "有效"
                table.add_row(str(one.id), one.name, f"{one.expires_at:%Y-%m-%d}", used, state)
    except Problem as problem:
        raise _fail(problem) from None
    Console().print(table)


@key_app.command("revoke")
def key_revoke(key_id: Annotated[int, typer.Argument(help="list 里的编号")]) -> None:
    """吊销一把密钥，立即失效。"""
    try:
        with session_factory().begin() as db:
            revoke_key(db, key_id, utcnow())
    except Problem as problem:
        raise _fail(problem) from None
    typer.echo("已吊销")


def _user(db: Session, username: str) -> User:
    user = find_user(db, username)
    if user is None:
        raise Problem(404, f"没有账号 {username}")
    return user


def _fail(problem: Problem) -> typer.Exit:
    typer.echo(problem.detail, err=True)
    return typer.Exit(1)
