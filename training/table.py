"""Any district's own archive: fine-tune on a user's table, evaluate on another."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from sklearn.model_selection import train_test_split

from training.data import DataError, Example, check_classes, load_table
from training.package import Evaluation, metrics, package
from training.report import write_report
from training.trainer import Settings, Trainer

DEV_SHARE = 0.1
MAX_TOKENS = 256  # of a window in serving
OPENING = 0.5  # the first sentence of a letter is its title: one point of macro-F1 in cross-validation on TipDM letters


def train_table(
    data: Path, text: list[str], labels: list[str], out: Path, dev: Path | None, settings: Settings,
    console: Console, progress: Progress,
) -> dict[str, Evaluation]:  # fmt: skip
    """Trains on ``data``, writes a model folder to ``out`` and returns what it does on the dev rows.

    Without ``dev`` a tenth of the rows is held out, by class of the first label. A run that was killed goes on from
    its last epoch if table and settings are the same.

    Raises:
        DataError: a column is missing, a row is empty, a class has one row, a dev label is unknown to training.
    """
    started = time.monotonic()
    rows = load_table(data, text, labels)
    check_classes(rows, labels, data)
    train, held = (rows, load_table(dev, text, labels)) if dev else _split(rows, labels[0])
    _check_known(train, held, labels)
    console.print(f"训练 {len(train)} 条，开发集 {len(held)} 条；标签列 {'、'.join(labels)}")
    work = out / ".work"
    trainer = Trainer(settings, train, held, labels, work)
    trainer.model, history = trainer.fit(progress)
    version = datetime.now(UTC).strftime("%Y%m%d.%H%M")
    evaluation = package(trainer, out, version, console, "table", MAX_TOKENS, text_columns=text,
                         windows=settings.windows, opening=OPENING)  # fmt: skip
    found = {
        "version": version, "train_rows": len(train), "dev_rows": len(held), "heads": metrics(evaluation),
        "history": history, "minutes": round((time.monotonic() - started) / 60, 1),
    }  # fmt: skip
    (out / "metrics.json").write_text(json.dumps(found, ensure_ascii=False, indent=1), "utf-8")
    write_report(out, found, evaluation, settings)
    for file in work.iterdir():
        file.unlink()
    work.rmdir()
    return evaluation


def _split(rows: list[Example], label: str) -> tuple[list[Example], list[Example]]:
    """Holds out a tenth, by class where every class has two rows for it."""
    size = max(round(len(rows) * DEV_SHARE), len({e.labels[label] for e in rows}))
    if size * 2 > len(rows):
        return rows, rows
    train, held = train_test_split(rows, test_size=size, random_state=7, stratify=[e.labels[label] for e in rows])
    return train, held


def _check_known(train: list[Example], dev: list[Example], labels: list[str]) -> None:
    known = {label: {e.labels[label] for e in train} for label in labels}
    problems = [
        f"{e.source}: {label} 的类别“{e.labels[label]}”在训练表里没有"
        for e in dev
        for label in labels
        if e.labels[label] not in known[label]
    ]
    if problems:
        raise DataError(problems)
