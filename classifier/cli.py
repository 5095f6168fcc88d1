"""The command line ``laoxian``: ``triage`` here, the other rooms' commands by the entry-point group."""

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from classifier.encoder import ModelError
from classifier.table import TableModel, join_columns
from classifier.taxonomy import RuleError
from classifier.triage import Triager

REPO = Path(__file__).resolve().parent.parent
DEFAULT_MODEL = REPO / "models" / "triage" / "default"
COMMANDS = "laoxian.commands"
FIELDS = ("kind", "category", "subcategory", "urgency", "department", "level", "confidence", "needs_review")
CHUNK = 256

Records = list[dict[str, Any]]
app = typer.Typer(help="崂先办：分派、训练、评测和管理", no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def _root() -> None:
    """崂先办命令行。"""


@dataclass
class _Lines:
    """Reads a JSON-lines file; keeps the lines that cannot be used, by number."""

    path: Path
    text_of: Callable[[dict[str, Any]], str]
    bad: list[str] = field(default_factory=list)

    def records(self, advance: Callable[[int], None]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields the text and the record of each good line; ``advance`` is told the bytes read."""
        with self.path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                advance(len(raw))
                if not raw.strip():
                    continue
                try:
                    record = json.loads(_decode(raw))
                    if not isinstance(record, dict):
                        raise ValueError("不是 JSON 对象")
                    text = self.text_of(record)
                except ValueError as error:
                    self.bad.append(f"第 {number} 行：{_plain(error)}")
                else:
                    yield text, record


def _decode(raw: bytes) -> str:
    """UTF-8 with or without a mark, else GB18030, which older hotline systems export."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            return raw.decode("gb18030")
        except UnicodeDecodeError:
            raise ValueError("既不是 UTF-8 也不是 GB18030") from None


def _plain(error: ValueError) -> str:
    return f"不是合法的 JSON（第 {error.colno} 个字符）" if isinstance(error, json.JSONDecodeError) else str(error)


def _text(record: dict[str, Any], columns: list[str]) -> str:
    text = record.get("text")
    if text is None and columns:
        text = join_columns(record, columns)
    if not isinstance(text, str) or not text.strip():
        raise ValueError("缺少 text，或 text 不是文字")
    return text


@app.command()
def triage(
    source: Annotated[Path, typer.Argument(metavar="IN.jsonl", help="每行一个 JSON 对象，至少有 text")],
    target: Annotated[Path, typer.Argument(metavar="OUT.jsonl", help="写到这里，其余字段原样保留")],
    model: Annotated[Path, typer.Option(help="模型目录")] = DEFAULT_MODEL,
    nlu_data: Annotated[Path, typer.Option(help="规则数据目录")] = REPO / "nlu_data",
) -> None:
    """批量分派：给每条文字加上类型、分类、紧急程度、承办单位和把握。"""
    console = Console(stderr=True)
    if not source.is_file():
        _fail(console, f"找不到输入文件 {source}")
    answer, columns = _load(model, nlu_data, console)
    lines = _Lines(source, lambda record: _text(record, columns))
    part = target.with_name(target.name + ".part")
    with _progress(console) as progress, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        task = progress.add_task("分派", total=max(source.stat().st_size, 1))
        done = _write(part, lines, answer, pool, lambda size: progress.advance(task, size))
        progress.update(TaskID(task), completed=progress.tasks[0].total)
    part.replace(target)
    for problem in lines.bad[:50]:
        console.print(problem, style="yellow")
    if len(lines.bad) > 50:
        console.print(f"……另有 {len(lines.bad) - 50} 行有问题", style="yellow")
    console.print(f"分派 {done} 条，跳过 {len(lines.bad)} 行，写到 {target}")
    if lines.bad:
        raise typer.Exit(1)


def _load(model: Path, nlu_data: Path, console: Console) -> tuple[Callable[[Records, list[str]], Records], list[str]]:
    """The function that answers a chunk, and the text columns that a table's model was trained on."""
    try:
        table = TableModel.load(model)
        if table.encoder.labels.get("task") == "table":
            return lambda _records, texts: table.answer_many(texts), table.text_columns
        triager = Triager.load(model, nlu_data)
    except (ModelError, RuleError) as error:
        _fail(console, str(error))

    def answer(records: Records, texts: list[str]) -> Records:
        places = [p if isinstance(p := record.get("place"), str) else None for record in records]
        found = [one.as_dict() for one in triager.triage_many(texts, places)]
        return [{name: one[name] for name in (*FIELDS, "emergency", "model_version")} for one in found]

    return answer, []


def _write(
    part: Path, lines: _Lines, answer: Callable[[Records, list[str]], Records], pool: ThreadPoolExecutor,
    advance: Callable[[int], None],
) -> int:  # fmt: skip
    """Answers chunk by chunk, as many at once as there are cores, and writes in the order of the input."""
    rows, done = lines.records(advance), 0
    with part.open("w", encoding="utf-8") as out:
        while wave := [chunk for _ in range(os.cpu_count() or 1) if (chunk := list(islice(rows, CHUNK)))]:
            answers = pool.map(lambda chunk: answer([r for _, r in chunk], [t for t, _ in chunk]), wave)
            for chunk, found in zip(wave, answers, strict=True):
                for (_, record), extra in zip(chunk, found, strict=True):
                    out.write(json.dumps({**record, **extra}, ensure_ascii=False) + "\n")
                done += len(chunk)
    return done


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    return Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console)


def _fail(console: Console, message: str) -> None:
    console.print(message, style="red", highlight=False, markup=False)
    raise typer.Exit(2)


def build() -> typer.Typer:
    """The whole command line: this room's commands and those that other rooms declare."""
    for entry in sorted(entry_points(group=COMMANDS), key=lambda e: e.name):
        app.add_typer(entry.load())
    return app


def main() -> None:
    """Entry point of ``laoxian``."""
    build()()
