"""What people answered, on its way out: rows of ``nlu_data/appeals`` as a patch to review, CSV, JSONL, Label Studio."""

import csv
import difflib
import io
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.curation.labels import FIELDS, NOT_APPEAL
from api.curation.models import DONE, CurationItem
from api.curation.training_data import known_texts
from classifier.text import normalise

FORMATS = {
    "patch": ("text/x-diff", "patch"),
    "csv": ("text/csv", "csv"),
    "jsonl": ("application/x-ndjson", "jsonl"),
    "labelstudio": ("application/json", "json"),
}
_COLUMNS = ("subcategory", "kind", "urgency", "text")
_CSV = ("id", *FIELDS, "other", "text", *(f"suggested_{name}" for name in FIELDS), "reasons")


def export(db: Session, form: str, nlu_data: Path) -> bytes:
    """Returns all that is settled in one of ``FORMATS``, UTF-8."""
    items = list(db.scalars(select(CurationItem).where(CurationItem.state == DONE).order_by(CurationItem.id)))
    make = {"csv": _csv, "jsonl": _jsonl, "labelstudio": _label_studio}
    return (as_patch(items, nlu_data) if form == "patch" else make[form](items)).encode()


def as_patch(items: list[CurationItem], nlu_data: Path) -> str:
    """Returns a unified diff that appends the answers to ``nlu_data/appeals``: ``git apply`` takes it, people read it.

    A text that stands in the training or the dev files already is left out.
    """
    known, rows = set(known_texts(nlu_data)), defaultdict[str, list[list[str]]](list)
    for item in items:
        label, plain = item.label or {}, normalise(item.text)
        if plain in known:
            continue
        known.add(plain)
        if label.get("other") == NOT_APPEAL:
            rows[f"_{NOT_APPEAL}"].append([_one_line(item.text)])
        else:
            rows[label["category"]].append([*(label[name] for name in _COLUMNS[:3]), _one_line(item.text)])
    return "".join(_diff(nlu_data / "appeals" / f"{stem}.csv", added) for stem, added in sorted(rows.items()))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _diff(file: Path, rows: list[list[str]]) -> str:
    old = file.read_bytes().decode("utf-8") if file.exists() else ""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n" if "\r\n" in old else "\n")
    if not old:
        writer.writerow(["text"] if file.stem == f"_{NOT_APPEAL}" else _COLUMNS)
    writer.writerows(_in_columns(old, rows))
    path = f"nlu_data/appeals/{file.name}"
    lines = old.splitlines(keepends=True)
    # A last line without its end would run into the first new one.
    whole = old if not old or old.endswith("\n") else old + "\n"
    new = (whole + out.getvalue()).splitlines(keepends=True)
    diff = difflib.unified_diff(lines, new, f"a/{path}" if old else "/dev/null", f"b/{path}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in diff)


def _in_columns(old: str, rows: list[list[str]]) -> list[list[str]]:
    """Puts rows into the order of the file's own columns; a further column stays empty."""
    header = next(csv.reader(io.StringIO(old.lstrip("\ufeff"))), [])
    if not header or len(header) == 1:
        return rows
    return [[dict(zip(_COLUMNS, row, strict=True)).get(name.strip(), "") for name in header] for row in rows]


def _csv(items: list[CurationItem]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_CSV)
    for item in items:
        label = item.label or {}
        given = [label.get(name, "") for name in (*FIELDS, "other")]
        suggested = [item.suggestion.get(name) or "" for name in FIELDS]
        cells = [str(item.id), *given, item.text, *suggested, "|".join(item.reasons)]
        # A spreadsheet must not run what somebody wrote.
        writer.writerow([f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell for cell in cells])
    return "\ufeff" + out.getvalue()


def _jsonl(items: list[CurationItem]) -> str:
    return "".join(json.dumps(_record(item), ensure_ascii=False) + "\n" for item in items)


def _record(item: CurationItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "text": item.text,
        "label": item.label,
        "suggestion": item.suggestion,
        "responses": [{"user": one.user_id, "label": one.label, "source": one.source} for one in _answers(item)],
        "reasons": item.reasons,
    }


def _answers(item: CurationItem) -> list[Any]:
    return [one for one in item.responses if one.label]


def _label_studio(items: list[CurationItem]) -> str:
    """Tasks as Label Studio imports them: the suggestion is a prediction, each person's answer an annotation."""
    tasks = [
        {
            "id": item.id,
            "data": {"text": item.text, "reasons": item.reasons},
            "predictions": [
                {
                    "model_version": item.suggestion.get("model_version"),
                    "score": (item.suggestion.get("confidence") or {}).get("category"),
                    "result": _result(item.suggestion),
                }
            ],
            "annotations": [
                {"completed_by": {"id": one.user_id}, "created_at": one.at.isoformat(), "result": _result(one.label)}
                for one in _answers(item)
            ],
        }
        for item in items
    ]
    return json.dumps(tasks, ensure_ascii=False, indent=1)


def _result(label: dict[str, Any]) -> list[dict[str, Any]]:
    def part(name: str, kind: str, value: Any) -> dict[str, Any]:
        return {"from_name": name, "to_name": "text", "type": kind, "value": {kind: value}}

    if label.get("other"):
        return [part("other", "choices", [label["other"]])]
    return [
        part("class", "taxonomy", [[label["category"], label["subcategory"]]]),
        part("kind", "choices", [label["kind"]]),
        part("urgency", "choices", [label["urgency"]]),
    ]
