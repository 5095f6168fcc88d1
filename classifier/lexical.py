"""The cheap lexical view: a linear vote over character n-grams, beside the encoder.

It knows the exact words of the training texts, the encoder knows what words mean; together they err less than either.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from classifier.text import normalise

LONGEST = 3
FILE = "lexical.npz"


def ngrams(text: str) -> Counter[str]:
    """Counts of the character 1- to 3-grams of the normalised text, capitals made small."""
    plain = normalise(text).lower()
    return Counter(plain[i : i + n] for n in range(1, LONGEST + 1) for i in range(len(plain) - n + 1))


class Lexical:
    """Sublinear TF-IDF and one linear map for all heads; the weights are int8 with one scale a column."""

    def __init__(
        self, vocabulary: list[str], idf: np.ndarray, weights: np.ndarray, scale: np.ndarray, bias: np.ndarray,
        heads: dict[str, int],
    ) -> None:  # fmt: skip
        """Takes ``vocabulary`` of v n-grams, ``idf`` (v,), ``weights`` (v, c) int8, ``scale`` and ``bias`` (c,).

        ``heads`` gives the number of columns of each head, in the order of the columns.
        """
        self._index = {gram: i for i, gram in enumerate(vocabulary)}
        self._idf, self._weights, self._scale, self._bias, self.heads = idf, weights, scale, bias, heads

    @classmethod
    def load(cls, file: Path) -> "Lexical":
        """Reads what ``save`` wrote."""
        with np.load(file, allow_pickle=False) as data:
            heads = dict(zip(data["head_names"].tolist(), data["head_sizes"].tolist(), strict=True))
            vocabulary = str(data["vocabulary"]).split("\n")
            return cls(vocabulary, data["idf"], data["weights"], data["scale"], data["bias"], heads)

    def save(self, file: Path) -> None:
        """Writes one compressed ``.npz``; n-grams hold no line break, for the text they come from is normalised."""
        np.savez_compressed(
            file, vocabulary=np.array("\n".join(self._index)), idf=self._idf, weights=self._weights,
            scale=self._scale, bias=self._bias,
            head_names=np.array(list(self.heads)), head_sizes=np.array(list(self.heads.values())),
        )  # fmt: skip

    def features(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Columns (k,) of the known n-grams and their weights (k,), of unit length."""
        found = [(self._index[gram], count) for gram, count in ngrams(text).items() if gram in self._index]
        columns = np.array([column for column, _ in found], np.int64)
        values = (1 + np.log(np.array([count for _, count in found], np.float32))) * self._idf[columns]
        return columns, values / max(float(np.linalg.norm(values)), 1e-9)

    def margins(self, texts: Iterable[str]) -> dict[str, np.ndarray]:
        """(n, labels) float32 margins by head."""
        rows = []
        for text in texts:
            columns, values = self.features(text)
            rows.append(values @ self._weights[columns].astype(np.float32) * self._scale + self._bias)
        table = np.asarray(rows, np.float32).reshape(-1, len(self._scale))
        parts = np.split(table, np.cumsum(list(self.heads.values()))[:-1], axis=1)
        return dict(zip(self.heads, parts, strict=True))
