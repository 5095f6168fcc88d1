"""From a trained network to a model folder: calibrate, export, quantise, check parity, write labels and metrics."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from classifier.encoder import Encoder
from training.data import Example
from training.emergency import emergency_thresholds
from training.export import RECIPES, export_float, export_int8
from training.score import calibration_error, probabilities, summary, temperature, threshold_for
from training.trainer import Trainer

PARITY = 0.995  # share of dev labels on which eight bits must agree with float32
AUTOMATIC_PRECISION = 0.95


@dataclass
class Evaluation:
    """What one head does on the dev set: truth, guess, confidence, and whether the guess is right, (n,) each."""

    truth: list[str]
    guess: list[str]
    confidence: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        """(n,) bool."""
        return np.array([a == b for a, b in zip(self.truth, self.guess, strict=True)])


def package(
    trainer: Trainer, out: Path, version: str, console: Console, task: str, max_tokens: int
) -> dict[str, Evaluation]:
    """Writes ``model.onnx``, ``tokenizer.json``, ``labels.json`` to ``out``; returns the served model's evaluation.

    The recipes are tried in order; the first whose labels agree with float32 on ``PARITY`` of dev is kept, else the one
    that agrees most.
    """
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(trainer.settings.base) / "tokenizer.json", out / "tokenizer.json")
    labels = {
        "version": version, "task": task, "max_tokens": max_tokens, "hidden": trainer.model.encoder.config.hidden_size,
        "heads": trainer.labels, "parents": trainer.settings.parents, "temperatures": dict.fromkeys(trainer.labels, 1.0),
        "thresholds": {}, "recipe": "",
    }  # fmt: skip
    _write(out, labels)
    texts = [e.text for e in trainer.dev]
    export_float(trainer.model, out / "model.onnx")
    reference = _tables(Encoder.load(out), texts)
    tried = []
    for recipe in RECIPES:
        file = out / f"{recipe.name}.onnx"
        export_int8(trainer.model, file, recipe)
        file.replace(out / "model.onnx")
        agreement = _agreement(reference, _tables(Encoder.load(out), texts))
        console.print(f"量化 {recipe.name}：与 fp32 标签一致 {agreement:.2%}")
        tried.append((agreement, recipe))
        if agreement >= PARITY:
            break
    agreement, recipe = max(tried, key=lambda pair: pair[0])
    if recipe is not tried[-1][1]:
        export_int8(trainer.model, out / "model.onnx", recipe)
    labels["recipe"], labels["parity"] = recipe.name, agreement
    raw = Encoder.load(out).encode(texts).logits
    labels["temperatures"] = _temperatures(raw, trainer)
    _write(out, labels)
    evaluation = evaluate(Encoder.load(out), trainer.dev)
    labels["thresholds"] = {
        head: threshold_for(e.confidence, e.correct, AUTOMATIC_PRECISION) for head, e in evaluation.items()
    }
    if task == "triage":
        labels["thresholds"] |= emergency_thresholds(Encoder.load(out), trainer.dev)
    _write(out, labels)
    return evaluation


def evaluate(encoder: Encoder, examples: list[Example]) -> dict[str, Evaluation]:
    """Runs the served model over ``examples`` and compares every head that they carry."""
    tables = _tables(encoder, [e.text for e in examples])
    found = {}
    for head, table in tables.items():
        rows = [i for i, e in enumerate(examples) if head in e.labels]
        if rows:
            truth = [examples[i].labels[head] for i in rows]
            guess = [encoder.heads[head][j] for j in table[rows].argmax(1)]
            found[head] = Evaluation(truth, guess, table[rows].max(1))
    return found


def metrics(evaluation: dict[str, Evaluation]) -> dict[str, dict[str, float]]:
    """Accuracy, macro-F1, calibration error and the automatic share at 95 % precision, by head."""
    found = {}
    for head, e in evaluation.items():
        bar = threshold_for(e.confidence, e.correct, AUTOMATIC_PRECISION)
        found[head] = {
            **summary(e.truth, e.guess),
            "calibration_error": calibration_error(e.confidence, e.correct),
            "automatic_at_95": float((e.confidence >= bar).mean()),
        }
    return found


def _write(out: Path, labels: dict) -> None:
    (out / "labels.json").write_text(json.dumps(labels, ensure_ascii=False, indent=1), "utf-8")


def _tables(encoder: Encoder, texts: list[str]) -> dict[str, np.ndarray]:
    return probabilities(encoder.encode(texts).logits, encoder.heads, encoder.labels["parents"])


def _agreement(reference: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """Share of (text, head) answers that are the same."""
    return float(np.mean([np.mean(reference[h].argmax(1) == other[h].argmax(1)) for h in reference]))


def _temperatures(logits: dict[str, np.ndarray], trainer: Trainer) -> dict[str, float]:
    """One temperature a head, on the dev rows that carry it; a child head is judged among its true parent's labels."""
    found = {}
    for head, names in trainer.labels.items():
        number = {name: i for i, name in enumerate(names)}
        rows = [i for i, e in enumerate(trainer.dev) if e.labels.get(head) in number]
        target = np.array([number[trainer.dev[i].labels[head]] for i in rows], int)
        values = logits[head][rows]
        if head in trainer.allowed and len(rows):
            values = np.where(trainer.allowed[head].cpu().numpy()[target], values, -1e4)
        found[head] = round(temperature(values, target), 4) if len(rows) >= 20 else 1.0
    return found
