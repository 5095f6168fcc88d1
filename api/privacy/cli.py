"""``laoxian keys`` and ``laoxian erase``."""

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.accounts.deps import Actor
from api.columns import utcnow
from api.db import session_factory
from api.privacy.erasure import erase_phone
from api.privacy.rekey import count_work, rotate

OPERATOR = Actor("system", "operator", "system")

keys_app = typer.Typer(no_args_is_help=True, help="数据密钥")


@keys_app.command("rotate")
def keys_rotate() -> None:
    """把已有数据换成最前面的那把数据密钥；可以中断，再运行会接着做。做完旧密钥就可以从 LAOXIAN_DATA_KEYS 里去掉。"""
    sessions = session_factory()
    console = Console(stderr=True)
    columns = (TextColumn("换密钥"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=count_work(sessions))
        try:
            broken = rotate(sessions, lambda done: bar.advance(task, done))
        except ValueError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
    for no in broken:
        typer.echo(f"{no}：办理记录早先被改动过，没有重新成链，请先用 laoxian audit verify 查明")
    if broken:
        raise typer.Exit(1)
    typer.echo("全部数据已经换成最新的密钥，旧密钥可以去掉了")


def erase(phone: Annotated[str, typer.Option(help="本人的电话")]) -> None:
    """按本人申请清除个人信息：姓名、电话、原话、对话、照片；未办结的件先留着，办结后再来。"""
    done = erase_phone(session_factory(), phone, utcnow(), OPERATOR)
    typer.echo(f"已清除 {len(done.cases)} 件、{done.drafts} 份没有提交的草稿")
    for no in done.cases:
        typer.echo(f"  {no}")
    if done.waiting:
        typer.echo(f"还没有办结，暂不清除：{'、'.join(done.waiting)}")
