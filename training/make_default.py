"""``make train``: the shipped triage model from the repo's own data, and nothing else."""

import argparse
import json
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from sklearn.model_selection import train_test_split

from classifier.taxonomy import load_taxonomy
from training.base import BUILD, REPO, base_folder
from training.data import Example, load_appeals
from training.heal import heal
from training.package import metrics, package
from training.report import write_report
from training.trainer import Settings, Trainer

OUT = REPO / "models" / "triage" / "default"
HEADS = ["kind", "category", "subcategory", "urgency", "department", "appeal"]
HEAD_WEIGHTS = {"kind": 0.6, "category": 1.0, "subcategory": 0.8, "urgency": 0.8, "department": 0.3, "appeal": 0.3}
MAX_TOKENS = 256  # of a text in serving
LAYERS = 6  # of the base's 12: what a twelfth of BERT-base's time allows
HEAL_STEPS = 400


def settings(base: Path, **changes: Any) -> Settings:
    """The settings of the shipped model on ``base``."""
    chosen: dict[str, Any] = {
        "base": str(base), "epochs": 7, "batch_size": 16, "max_tokens": 128, "rate": 1.5e-4,
        "train_embeddings": False, "head_weights": HEAD_WEIGHTS, "parents": {"subcategory": "category"},
    }  # fmt: skip
    return Settings(**{**chosen, **changes})


def student(train: list[Example], progress: Progress) -> Path:
    """The healed half of the base encoder, made once for these texts and kept in ``build/``."""
    texts = [e.text for e in train]
    key = sha256("\n".join([str(LAYERS), str(HEAL_STEPS), *texts]).encode()).hexdigest()[:12]
    out = BUILD / f"student-{LAYERS}-{key}"
    if not (out / "tokenizer.json").exists():
        heal(base_folder(), LAYERS, texts, HEAL_STEPS, out, progress)
    return out


def load_split(nlu_data: Path) -> tuple[list[Example], list[Example]]:
    """Training examples and the dev set; while there is no dev set, a tenth of the training rows stands in for it."""
    taxonomy = load_taxonomy(nlu_data)
    train = load_appeals(nlu_data / "appeals", taxonomy)
    dev = load_appeals(nlu_data / "appeals_dev", taxonomy)
    if not dev:
        train, dev = train_test_split(train, test_size=0.1, random_state=7)
    known = {e.text for e in dev}
    return [e for e in train if e.text not in known], dev


def progress_bar(console: Console) -> Progress:
    """The progress bar of every long run."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip


def main() -> None:
    """Trains, packages and reports; ``--epochs`` and ``--out`` serve quick trials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--nlu-data", type=Path, default=REPO / "nlu_data")
    options = parser.parse_args()
    console, started = Console(), time.monotonic()
    train, dev = load_split(options.nlu_data)
    console.print(f"训练 {len(train)} 条，开发集 {len(dev)} 条")
    heads = [head for head in HEADS if len({e.labels.get(head) for e in train} - {None}) > 1]
    with progress_bar(console) as progress:
        chosen = settings(student(train, progress), **({"epochs": options.epochs} if options.epochs else {}))
        trainer = Trainer(chosen, train, dev, heads, BUILD / "train-default")
        trainer.model, history = trainer.fit(progress)
    version = datetime.now(UTC).strftime("%Y%m%d.%H%M")
    evaluation = package(trainer, options.out, version, console, "triage", MAX_TOKENS, unvoted=("department", "appeal"))
    found = {
        "version": version, "train_rows": len(train), "dev_rows": len(dev), "heads": metrics(evaluation),
        "history": history, "minutes": round((time.monotonic() - started) / 60, 1),
    }  # fmt: skip
    (options.out / "metrics.json").write_text(json.dumps(found, ensure_ascii=False, indent=1), "utf-8")
    write_report(options.out, found, evaluation, chosen)
    console.print(f"写好 {options.out}，用时 {found['minutes']} 分钟")


if __name__ == "__main__":
    main()
