"""Trains the lexical view: LinearSVC over character n-grams, one for each head."""

from collections import Counter

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.svm import LinearSVC

from classifier.lexical import Lexical, ngrams, weigh
from training.data import Example

MOST_NGRAMS = 60_000  # the commonest; bounds the file for large archives


def train_lexical(examples: list[Example], labels: dict[str, list[str]], opening: float = 0.0) -> Lexical:
    """Returns the lexical view of ``examples``.

    Args:
        examples: the texts; an n-gram counts from two of them on.
        labels: the label order of each head. A head of two labels gets two columns of opposite sign.
        opening: how much the first sentence counts beside the whole text; 0 where texts are one sentence anyway.
    """
    counts = [ngrams(e.text) for e in examples]
    spread = Counter(gram for whole, first in counts for gram in (*whole, *(first if opening else ())))
    vocabulary = sorted(gram for gram, n in spread.most_common(MOST_NGRAMS) if n > 1)
    index = {gram: i for i, gram in enumerate(vocabulary)}
    seen = np.array([spread[gram] for gram in vocabulary], np.float32)
    idf = np.log((1 + len(examples)) / (1 + seen)).astype(np.float32) + 1
    matrix = _matrix([whole for whole, _ in counts], index, idf)
    if opening:
        matrix = (matrix + _matrix([first for _, first in counts], index, idf) * opening).tocsr()
    weights, biases = [], []
    for head, names in labels.items():
        number = {name: i for i, name in enumerate(names)}
        target = np.array([number.get(e.labels.get(head, ""), -1) for e in examples])
        rows = np.flatnonzero(target >= 0)
        fitted = LinearSVC(C=1.0, class_weight="balanced", random_state=7).fit(matrix[rows], target[rows])
        pair = len(fitted.classes_) == 2
        weights.append(np.concatenate([-fitted.coef_, fitted.coef_]) if pair else fitted.coef_)
        biases.append(np.concatenate([-fitted.intercept_, fitted.intercept_]) if pair else fitted.intercept_)
    stacked = np.concatenate(weights).T
    scale = np.abs(stacked).max(0) / 127 + 1e-12
    return Lexical(
        vocabulary, idf, np.rint(stacked / scale).astype(np.int8), scale.astype(np.float32),
        np.concatenate(biases).astype(np.float32), {head: len(names) for head, names in labels.items()}, opening,
    )  # fmt: skip


def _matrix(counts: list[Counter[str]], index: dict[str, int], idf: np.ndarray) -> csr_matrix:
    """(texts, n-grams): one row of ``weigh`` for each text."""
    rows = [weigh(row, index, idf) for row in counts]
    starts = np.cumsum([0, *(len(columns) for columns, _ in rows)])
    columns = np.concatenate([columns for columns, _ in rows])
    values = np.concatenate([values for _, values in rows])
    return csr_matrix((values, columns, starts), shape=(len(counts), len(index)))
