"""``laoxian curation``: the replacement of personal data measured, the queue filled; ``laoxian gate``: lifting it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api.accounts.service import sign_in
from api.columns import utcnow
from api.curation.approvals import approve as lift
from api.curation.gather import gather
from api.curation.rules import get_curation
from api.db import session_factory
from api.errors import Problem
from api.privacy.redact_eval import KINDS, Score, read_marked, score
from api.settings import REPO
from api.triage.service import get_triager

app = typer.Typer(no_args_is_help=True, help="整理训练数据")
gate_app = typer.Typer(no_args_is_help=True, help="模型的门槛")


@gate_app.callback()
def _gate() -> None:
    """模型的门槛。"""


@app.command("redaction")
def redaction(verbose: Annotated[bool, typer.Option(help="列出漏掉的和多换的")] = False) -> None:
    """去个人信息的评测：各种类的召回、总的精确率（nlu_data/redaction）。"""
    table = Table("评测集", *KINDS, "召回", "精确", title="去个人信息")
    for file in sorted((REPO / "nlu_data" / "redaction").glob("*.txt")):
        found = score(read_marked(file))
        table.add_row(file.stem, *_kinds(found), f"{found.recall:.3f}", f"{found.precision:.3f}")
        for line in [*(f"漏 {one}" for one in found.missed), *(f"多 {one}" for one in found.needless)]:
            if verbose:
                typer.echo(f"{file.stem} {line}")
    Console(width=120).print(table)


def _kinds(found: Score) -> list[str]:
    return [f"{found.covered[kind]}/{found.marked[kind]}" for kind in KINDS]


@gate_app.command("approve")
def approve(
    name: Annotated[str, typer.Argument(help="模型目录名")],
    why: Annotated[str, typer.Option(prompt="理由", help="为什么门槛没过也要启用")],
    username: Annotated[str, typer.Option(prompt="用户名", help="批准的人")],
    password: Annotated[str, typer.Option(prompt="密码", hide_input=True, help="这个人的密码")],
    folder: Annotated[Path, typer.Option(help="模型版本目录")] = REPO / "models" / "triage",
) -> None:
    """批准启用一个没过门槛的模型：两个账号各批准一次，记录在案；然后 laoxian models promote。"""
    try:
        with session_factory()() as db:
            user = sign_in(db, username, password, utcnow(), "command line")
            so_far = lift(db, user, folder / name, why, utcnow())
    except Problem as problem:
        typer.echo(problem.detail, err=True)
        raise typer.Exit(1) from None
    typer.echo(f"已批准：{'、'.join(so_far)}" + ("" if len(so_far) > 1 else "；还要一个账号"))


@app.command("gather")
def fill() -> None:
    """把值得标的收进整理队列（每天夜里也会自动跑）。"""
    typer.echo(f"收集到 {gather(session_factory(), get_triager(), get_curation(), utcnow())} 条新的")
