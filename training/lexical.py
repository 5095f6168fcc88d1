"""Trains the lexical view: LinearSVC over character n-grams, one for each head."""

from collections import Counter

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.svm import LinearSVC

from classifier.lexical import Lexical, ngrams
from training.data import Example

MOST_NGRAMS = 60_000  # the commonest; bounds the file for large archives


def train_lexical(examples: list[Example], labels: dict[str, list[str]]) -> Lexical:
    """Returns the lexical view of ``examples``; ``labels`` gives the label order of each head.

    An n-gram counts from two texts on. A head of two labels gets two columns of opposite sign.
    """
    counts = [ngrams(e.text) for e in examples]
    spread = Counter(gram for row in counts for gram in row)
    vocabulary = sorted(gram for gram, n in spread.most_common(MOST_NGRAMS) if n > 1)
    index = {gram: i for i, gram in enumerate(vocabulary)}
    seen = np.array([spread[gram] for gram in vocabulary], np.float32)
    idf = np.log((1 + len(examples)) / (1 + seen)).astype(np.float32) + 1
    matrix = _matrix(counts, index, idf)
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
        np.concatenate(biases).astype(np.float32), {head: len(names) for head, names in labels.items()},
    )  # fmt: skip


def _matrix(counts: list[Counter[str]], index: dict[str, int], idf: np.ndarray) -> csr_matrix:
    """(texts, n-grams) sublinear TF-IDF rows of unit length, as ``Lexical.features`` makes them."""
    data, columns, starts = [], [], [0]
    for row in counts:
        found = [(index[gram], n) for gram, n in row.items() if gram in index]
        places = np.array([column for column, _ in found], np.int64)
        values = (1 + np.log(np.array([n for _, n in found], np.float32))) * idf[places]
        data.append(values / max(float(np.linalg.norm(values)), 1e-9))
        columns.append(places)
        starts.append(starts[-1] + len(places))
    return csr_matrix((np.concatenate(data), np.concatenate(columns), starts), shape=(len(counts), len(index)))
