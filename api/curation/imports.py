"""Answers that were given elsewhere (a spreadsheet, another tool): read, checked line by line, kept as responses."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from api.accounts.models import User
from api.curation.labels import FIELDS, Label
from api.curation.service import respond
from api.errors import Problem
from classifier.taxonomy import Taxonomy

MOST = 5000


@dataclass
class Imported:
    """What became of the rows: how many were kept, and why the others were not, ``第 n 行：…``."""

    kept: int = 0
    refused: list[str] = field(default_factory=list)


def import_answers(db: Session, user: User, content: bytes, form: str, taxonomy: Taxonomy, now: datetime) -> Imported:
    """Keeps each good row as an answer of ``user``; flushes. A bad row never stops the others.

    Args:
        db: session of the database.
        user: whose answers these are.
        content: UTF-8 or GB18030; rows with ``id`` and ``kind, category, subcategory, urgency`` or ``other``.
        form: ``csv`` or ``jsonl``; in JSONL the answer may stand under ``label``.
        taxonomy: what the classes may be.
        now: the moment of the answers.

    Raises:
        Problem: 422 when the file as a whole cannot be read.
    """
    text = _decoded(content)
    done = Imported()
    rows = list(_csv_rows(text) if form == "csv" else _json_rows(text))
    if len(rows) > MOST:
        raise Problem(422, f"一次最多导入 {MOST} 行")
    for line, row in rows:
        try:
            if isinstance(row, str):
                raise Problem(422, row)
            respond(db, user, _id(row), _label(row), taxonomy, now, "import")
            done.kept += 1
        except Problem as problem:
            done.refused.append(f"第 {line} 行：{problem.detail}")
    return done


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Problem(422, "文件既不是 UTF-8 也不是 GB18030")


def _csv_rows(text: str) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if "id" not in (reader.fieldnames or []):
        raise Problem(422, "第一行要有列名，至少有 id、category、subcategory、kind、urgency")
    for row in reader:
        whole = None not in row and None not in row.values()
        yield reader.line_num, row if whole else "列数和第一行不一样"


def _json_rows(text: str) -> Iterator[tuple[int, Any]]:
    for line, raw in enumerate(text.splitlines(), 1):
        if not raw.strip():
            continue
        try:
            row = json.loads(raw)
        except ValueError:
            yield line, "不是合法的 JSON"
            continue
        yield line, row if isinstance(row, dict) else "应是一个 JSON 对象"


def _id(row: dict[str, Any]) -> int:
    try:
        return int(row["id"])
    except (KeyError, TypeError, ValueError):
        raise Problem(422, "id 不是数字") from None


def _label(row: dict[str, Any]) -> Label:
    inner = row.get("label")
    given = inner if isinstance(inner, dict) else row
    try:
        return Label(**{name: given[name] for name in (*FIELDS, "other") if given.get(name)})
    except ValidationError:
        raise Problem(422, "分类各栏应是文字") from None
