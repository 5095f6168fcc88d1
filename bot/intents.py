"""The intent model: a linear classifier over the sentence vector and the characters as written.

The vector carries the meaning of long messages, the characters that of short ones (在吗, 算了), where one sign decides.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix, diags, hstack
from sklearn.svm import LinearSVC

SPAN = 3  # longest run of characters; four gained nothing on a held-out fold
WRITTEN = 4.0  # length of a message's characters as a vector, like the sentence vector's: long texts weigh no more
COST = 0.1  # of the support vector machine
TEMPERATURES = np.geomspace(0.5, 12, 40)  # factors on the margins, tried on held-out examples
HELD_OUT = 5  # one fifth sets the temperature

_NUMBER = re.compile(r"\d{5,}")  # a phone or case number: how long it is tells, not which one
_HAN, _LATIN, _DIGIT = re.compile(r"[\u3400-\u9fff]"), re.compile(r"[a-z]"), re.compile(r"\d")


def grams(text: str) -> list[str]:
    """Returns the different runs of one to ``SPAN`` characters of a text, its two ends marked.

    A text without a Han character has one more, which says whether it is Latin, a number or signs only.
    """
    text = text.lower()
    marked = f"\x02{_NUMBER.sub(lambda number: chr(0xE000 + len(number[0])), text)}\x03"
    runs = {marked[i : i + n] for n in range(1, SPAN + 1) for i in range(len(marked) - n + 1)}
    if not _HAN.search(text):
        runs.add("\x04a" if _LATIN.search(text) else "\x040" if _DIGIT.search(text) else "\x04.")
    return sorted(runs)


@dataclass(frozen=True)
class IntentModel:
    """A fitted model.

    Attributes:
        intents: names, in the order of the columns of the arrays.
        vocabulary: the row in ``by_gram`` of each run of characters seen in training.
        by_gram: (runs, intents) weights.
        by_vector: (hidden, intents) weights.
        bias: (intents,).
    """

    intents: list[str]
    vocabulary: dict[str, int]
    by_gram: np.ndarray
    by_vector: np.ndarray
    bias: np.ndarray

    def probabilities(self, text: str, vector: np.ndarray) -> np.ndarray:
        """Returns the probability of each intent, (intents,), for a text and its sentence vector, (hidden,)."""
        rows = [self.vocabulary[gram] for gram in grams(text) if gram in self.vocabulary]
        written = self.by_gram[rows].sum(0) * WRITTEN / max(len(rows), 1) ** 0.5
        scores = vector @ self.by_vector + written + self.bias
        raised = np.exp(scores - scores.max())
        return np.asarray(raised / raised.sum())

    def save(self, folder: Path) -> None:
        """Writes the model into ``folder``."""
        words = {"intents": self.intents, "vocabulary": list(self.vocabulary)}
        (folder / "intents.json").write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
        arrays = {"by_gram": self.by_gram, "by_vector": self.by_vector, "bias": self.bias}
        np.savez_compressed(folder / "intents.npz", **{name: a.astype(np.float32) for name, a in arrays.items()})

    @classmethod
    def load(cls, folder: Path) -> IntentModel:
        """Reads what ``save`` wrote."""
        words = json.loads((folder / "intents.json").read_text(encoding="utf-8"))
        with np.load(folder / "intents.npz") as arrays:
            weights = {name: arrays[name] for name in ("by_gram", "by_vector", "bias")}
        return cls(words["intents"], {gram: i for i, gram in enumerate(words["vocabulary"])}, **weights)


def fit(texts: list[str], vectors: np.ndarray, intents: list[str]) -> IntentModel:
    """Fits the model.

    Args:
        texts: messages in normal form.
        vectors: (messages, hidden) sentence vectors; their length weighs them against the characters.
        intents: the intent of each message.
    """
    held = np.arange(len(texts)) % HELD_OUT == 0
    order = np.random.default_rng(0).permutation(len(texts))
    texts, vectors, intents = [texts[i] for i in order], vectors[order], [intents[i] for i in order]
    rest = np.flatnonzero(~held)
    trial = _margins([texts[i] for i in rest], vectors[rest], [intents[i] for i in rest])
    factor = _temperature(trial, [(texts[i], vectors[i], intents[i]) for i in np.flatnonzero(held)])
    whole = _margins(texts, vectors, intents)
    return IntentModel(
        whole.intents, whole.vocabulary, whole.by_gram * factor, whole.by_vector * factor, whole.bias * factor
    )


def _margins(texts: list[str], vectors: np.ndarray, intents: list[str]) -> IntentModel:
    """Returns a model whose scores are the margins of a linear support vector machine, one intent against the rest."""
    found = [grams(text) for text in texts]
    vocabulary = {gram: i for i, gram in enumerate(sorted({gram for one in found for gram in one}))}
    columns = np.array([vocabulary[gram] for one in found for gram in one])
    starts = np.cumsum([0, *(len(one) for one in found)])
    written = csr_matrix((np.ones(len(columns)), columns, starts), shape=(len(texts), len(vocabulary)))
    written = diags(WRITTEN / np.sqrt(np.diff(starts))) @ written
    mean = vectors.mean(0)
    machine = LinearSVC(C=COST, class_weight="balanced", random_state=0)
    machine.fit(hstack([csr_matrix(vectors - mean), written]).tocsr(), intents)
    by_vector, by_gram = machine.coef_[:, : len(mean)].T, machine.coef_[:, len(mean) :].T
    return IntentModel(list(machine.classes_), vocabulary, by_gram, by_vector, machine.intercept_ - mean @ by_vector)


def _temperature(trial: IntentModel, held: list[tuple[str, np.ndarray, str]]) -> float:
    """Returns the factor on the margins that makes the held-out intents most probable."""
    logs = np.log(np.array([trial.probabilities(text, vector) for text, vector, _ in held]) + 1e-30)
    truth = np.array([trial.intents.index(intent) for _, _, intent in held])

    def loss(factor: float) -> float:
        scaled = logs * factor
        total = np.log(np.exp(scaled - scaled.max(1, keepdims=True)).sum(1)) + scaled.max(1)
        return float((total - scaled[np.arange(len(truth)), truth]).mean())

    return float(min(TEMPERATURES, key=loss))
