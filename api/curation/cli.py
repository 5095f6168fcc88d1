"""``laoxian curation``: the replacement of personal data measured, the queue filled."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api.privacy.redact_eval import KINDS, Score, read_marked, score
from api.settings import REPO

app = typer.Typer(no_args_is_help=True, help="整理训练数据")


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
