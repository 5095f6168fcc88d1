"""From a trained network to a model folder: calibrate, export, quantise, check parity, write labels and metrics."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from classifier.encoder import Encoder, clip, tables
from classifier.lexical import FILE as LEXICAL
from training.data import Example
from training.emergency import emergency_thresholds
from training.export import RECIPES, Recipe, export_float, export_int8
from training.lexical import train_lexical
from training.score import calibration_error, log_loss, summary, threshold_for
from training.smooth import smoothing_factors
from training.trainer import Trainer

PARITY = 0.995  # share of dev labels on which eight bits must agree with float32
AUTOMATIC_PRECISION = 0.95
MARGIN = 0.005  # thresholds aim so much higher, for they are chosen on the rows that judge them
SMOOTHING_TEXTS = 300
VOTES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0)  # weights tried for the lexical margins


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
    trainer: Trainer, out: Path, version: str, console: Console, task: str, max_tokens: int,
    text_columns: Sequence[str] = (), unvoted: Sequence[str] = (), windows: int = 1, opening: float = 0.0,
) -> dict[str, Evaluation]:  # fmt: skip
    """Writes ``model.onnx``, ``tokenizer.json``, ``lexical.npz`` and ``labels.json``; returns the served evaluation.

    Temperatures, lexical weights and thresholds are chosen on the trainer's dev set. ``unvoted`` heads get no lexical
    vote. Long texts are read in at most ``windows`` windows; ``opening`` is the lexical weight of the first sentence.
    """
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(trainer.settings.base) / "tokenizer.json", out / "tokenizer.json")
    labels = {
        "version": version, "task": task, "max_tokens": max_tokens, "windows": windows,
        "text_columns": list(text_columns),
        "hidden": trainer.model.encoder.config.hidden_size, "shape": _shape(trainer), "recipe": "", "parity": 0.0,
        "heads": trainer.labels, "parents": trainer.settings.parents,
        "temperatures": dict.fromkeys(trainer.labels, 1.0), "lexical": {}, "thresholds": {},
    }  # fmt: skip
    _write(out, labels)
    silent = {*trainer.settings.parents.values(), *unvoted}  # a child's vote is its parent's
    voting = {h: n for h, n in trainer.labels.items() if h not in silent}
    train_lexical(trainer.train, voting, opening).save(out / LEXICAL)
    export_float(trainer.model, out / "model.onnx")
    labels["temperatures"], labels["lexical"] = _calibrate(Encoder.load(out), trainer)
    _write(out, labels)
    labels["recipe"], labels["parity"] = _quantise(trainer, out, console)
    evaluation = evaluate(Encoder.load(out), trainer.dev)
    labels["thresholds"] = {
        head: threshold_for(e.confidence, e.correct, AUTOMATIC_PRECISION + MARGIN) for head, e in evaluation.items()
    }
    if task == "triage":
        labels["thresholds"] |= emergency_thresholds(Encoder.load(out), trainer.dev)
    _write(out, labels)
    return evaluation


def _quantise(trainer: Trainer, out: Path, console: Console) -> tuple[str, float]:
    """Replaces the float32 model in ``out`` by an eight-bit one; returns its recipe and its agreement with float32.

    The recipes are tried in order; the first whose answers agree on ``PARITY`` of dev is kept, else the one that agrees
    most.
    """
    texts = [e.text for e in trainer.dev]
    reference = Encoder.load(out).probabilities(texts)
    every = max(1, len(trainer.train) // SMOOTHING_TEXTS)
    sample = [clip(ids, trainer.settings.max_tokens) for ids in trainer.train_ids[::every]]
    factors = smoothing_factors(trainer.model, sample)
    tried: list[tuple[float, Recipe]] = []
    for recipe in RECIPES:
        export_int8(trainer.model, out / "model.onnx", recipe, factors)
        agreement = _agreement(reference, Encoder.load(out).probabilities(texts))
        console.print(f"量化（{recipe.name}）：答案与 fp32 一致 {agreement:.2%}")
        tried.append((agreement, recipe))
        if agreement >= PARITY:
            break
    agreement, recipe = max(tried, key=lambda pair: pair[0])
    if recipe is not tried[-1][1]:
        export_int8(trainer.model, out / "model.onnx", recipe, factors)
    return recipe.name, round(agreement, 4)


def evaluate(encoder: Encoder, examples: list[Example]) -> dict[str, Evaluation]:
    """Runs the served model over ``examples`` and compares every head that they carry."""
    tables = encoder.probabilities([e.text for e in examples])
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


def _shape(trainer: Trainer) -> dict[str, int]:
    """What another program needs to build a network of the same shape."""
    config = trainer.model.encoder.config
    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size")
    return {name: getattr(config, name) for name in names}


def _write(out: Path, labels: dict[str, Any]) -> None:
    (out / "labels.json").write_text(json.dumps(labels, ensure_ascii=False, indent=1), "utf-8")


def _agreement(reference: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """Share of (text, head) answers that are the same."""
    return float(np.mean([np.mean(reference[h].argmax(1) == other[h].argmax(1)) for h in reference]))


def _calibrate(encoder: Encoder, trainer: Trainer) -> tuple[dict[str, float], dict[str, float]]:
    """Temperature and lexical weight of each head: those of the least log loss on dev.

    A parent shares its child's temperature, and its lexical vote is its child's.
    """
    texts, parents = [e.text for e in trainer.dev], trainer.settings.parents
    raw = encoder.run(texts)
    margins = encoder.lexical.margins(texts) if encoder.lexical else {}
    warmth, votes = dict.fromkeys(trainer.labels, 1.0), dict.fromkeys(trainer.labels, 0.0)
    for head in (h for h in trainer.labels if h not in parents.values()):
        group = [head, parents[head]] if head in parents else [head]
        known = {h: _targets(trainer, h) for h in group}
        if any(len(rows) < 20 for rows, _ in known.values()):
            continue
        best = np.inf
        for vote in VOTES if head in margins else (0.0,):
            voted = raw[head] + vote * margins[head] if head in margins else raw[head]
            for heat in np.geomspace(0.3, 5.0, 57):
                mixed = {h: (voted if h == head else raw[h]) / heat for h in group}
                found = tables(mixed, trainer.labels, {head: parents[head]} if head in parents else {})
                loss = sum(log_loss(found[h][rows], target) for h, (rows, target) in known.items())
                if loss < best:
                    best, votes[head] = loss, vote
                    warmth |= dict.fromkeys(group, round(float(heat), 4))
    return warmth, votes


def _targets(trainer: Trainer, head: str) -> tuple[np.ndarray, np.ndarray]:
    """Dev rows that carry ``head`` with a label known to training, and their label numbers."""
    number = {name: i for i, name in enumerate(trainer.labels[head])}
    rows = [i for i, e in enumerate(trainer.dev) if e.labels.get(head) in number]
    return np.array(rows, int), np.array([number[trainer.dev[i].labels[head]] for i in rows], int)
