"""Labelled texts: the repo's own appeals and any table a user brings. Bad rows are refused by file and line."""

import csv
import io
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from classifier.taxonomy import KINDS, URGENCIES, Taxonomy

APPEAL = ("诉求", "非诉求")
_COLUMNS = ["subcategory", "kind", "urgency", "text"]
_ENCODINGS = ("utf-8-sig", "gb18030")


class DataError(ValueError):
    """One or more rows cannot be used; the message lists them as ``file:line: reason``."""

    def __init__(self, problems: list[str]) -> None:
        more = f"\n……另有 {len(problems) - 50} 处" if len(problems) > 50 else ""
        super().__init__("\n".join(problems[:50]) + more)
        self.problems = problems


@dataclass(frozen=True)
class Example:
    """One text with the labels it carries (a head that is absent is not trained on it) and where it stands."""

    text: str
    labels: dict[str, str]
    source: str


@dataclass
class _Rows:
    """A file's rows with line numbers, and the problems met so far."""

    problems: list[str] = field(default_factory=list)

    def read(self, file: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
        text = read_text(file)
        reader = csv.DictReader(io.StringIO(text, newline=""))
        columns = [name.strip() for name in reader.fieldnames or []]
        reader.fieldnames = columns
        rows = []
        for row in reader:
            if None in row or None in row.values():
                self.problems.append(
                    f"{file}:{reader.line_num}: 列数不对，应为 {len(columns)} 列（文字里的逗号要用“，”）"
                )
            else:
                rows.append((reader.line_num, {k: v.strip() for k, v in row.items()}))
        return columns, rows


def read_text(file: Path) -> str:
    """The text of a file in UTF-8 (with or without a mark) or GB18030.

    Raises:
        DataError: no such file, or neither encoding reads it.
    """
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        raise DataError([f"{file}: 文件不存在"]) from None
    for encoding in _ENCODINGS:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DataError([f"{file}: 既不是 UTF-8 也不是 GB18030，请另存为 UTF-8"])


def load_appeals(folder: Path, taxonomy: Taxonomy) -> list[Example]:
    """Every labelled text of ``folder``: one file a category, and files that span categories.

    A column ``category`` overrides the file's name. A file with the single column ``text`` holds texts that ask for
    nothing; they carry the head ``appeal`` only.

    Raises:
        DataError: a column is missing, a label is not in the taxonomy, a text is empty or stands twice.
    """
    rows, examples = _Rows(), []
    seen: dict[str, str] = {}
    for file in sorted(folder.glob("*.csv")):
        columns, content = rows.read(file)
        unlabelled = columns == ["text"]
        needed = ["text"] if unlabelled else list(_COLUMNS)
        if file.stem not in taxonomy.entries and not unlabelled:
            needed = ["category", *needed]
        if missing := [name for name in needed if name not in columns]:
            rows.problems.append(f"{file}:1: 缺少列 {'、'.join(missing)}")
            continue
        for line, row in content:
            where = f"{file}:{line}"
            if reason := _reason(row, file.stem, taxonomy):
                rows.problems.append(f"{where}: {reason}")
            elif row["text"] in seen:
                rows.problems.append(f"{where}: 与 {seen[row['text']]} 文字相同")
            else:
                seen[row["text"]] = where
                examples.append(Example(row["text"], _labels(row, file.stem, taxonomy), where))
    if rows.problems:
        raise DataError(rows.problems)
    return examples


def _reason(row: dict[str, str], stem: str, taxonomy: Taxonomy) -> str | None:
    """Why a row is refused, or None."""
    if not row["text"]:
        return "文字为空"
    if list(row) == ["text"]:
        return None
    category = row.get("category") or stem
    names = taxonomy.entries.get(category)
    checks = (
        (names is not None, f"一级分类“{category}”不在 taxonomy.yml 里"),
        (row["subcategory"] in (names or {}), f"{category} 没有二级分类“{row['subcategory']}”"),
        (row["kind"] in KINDS, f"诉求类型“{row['kind']}”不在 {'、'.join(KINDS)} 里"),
        (row["urgency"] in URGENCIES, f"紧急程度“{row['urgency']}”不在 {'、'.join(URGENCIES)} 里"),
    )
    return next((reason for good, reason in checks if not good), None)


def _labels(row: dict[str, str], stem: str, taxonomy: Taxonomy) -> dict[str, str]:
    if list(row) == ["text"]:
        return {"appeal": APPEAL[1]}
    category = row.get("category") or stem
    entry = taxonomy.entry(category, row["subcategory"])
    return {
        "kind": row["kind"],
        "category": category,
        "subcategory": f"{category}/{entry.name}",
        "urgency": row["urgency"],
        "department": entry.lead,
        "appeal": APPEAL[0],
    }


def load_table(file: Path, text_columns: list[str], label_columns: list[str]) -> list[Example]:
    """Rows of a user's own table; the text columns are joined with a full stop.

    Raises:
        DataError: a column is missing, a row has no text or no label, or the table has no rows.
    """
    rows = _Rows()
    columns, content = rows.read(file)
    if missing := [name for name in (*text_columns, *label_columns) if name not in columns]:
        raise DataError([f"{file}:1: 缺少列 {'、'.join(missing)}；表里有：{'、'.join(columns) or '（空）'}"])
    examples = []
    for line, row in content:
        text = "。".join(row[name] for name in text_columns if row[name])
        empty = [name for name in label_columns if not row[name]]
        if not text:
            rows.problems.append(f"{file}:{line}: 文字为空")
        elif empty:
            rows.problems.append(f"{file}:{line}: 标签 {'、'.join(empty)} 为空")
        else:
            examples.append(Example(text, {name: row[name] for name in label_columns}, f"{file}:{line}"))
    if rows.problems:
        raise DataError(rows.problems)
    if not examples:
        raise DataError([f"{file}: 没有数据行"])
    return examples


def check_classes(examples: list[Example], heads: list[str], source: Path) -> None:
    """Refuses a label that has a single row: nothing can be learnt from it, and no dev row can be held out.

    Raises:
        DataError: naming each such label and its line.
    """
    problems = []
    for head in heads:
        counts = Counter(e.labels[head] for e in examples)
        if len(counts) < 2:
            problems.append(f"{source}: 列 {head} 只有一种取值，没有可学的")
        lonely = {label for label, count in counts.items() if count == 1}
        problems += [
            f"{e.source}: {head} 的类别“{e.labels[head]}”只有一行，请补充样本或并入别的类别"
            for e in examples
            if e.labels[head] in lonely
        ]
    if problems:
        raise DataError(problems)
