"""The cheap lexical view: a linear vote over character n-grams, beside the encoder.

It knows the exact words of the training texts, the encoder knows what words mean; together they err less than either.
"""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from classifier.text import normalise

LONGEST = 3
FILE = "lexical.npz"
OPENING_CHARS = 40
OPENING = "\t"  # marks the n-grams of the opening; the normalised text holds no tab
_SENTENCE_END = re.compile("[。!?;]")


def ngrams(text: str) -> tuple[Counter[str], Counter[str]]:
    """Counts of the character 1- to 3-grams of the normalised text, capitals made small, and those of its opening.

    The opening is the first sentence, at most ``OPENING_CHARS`` characters of it: a letter's title says what it is
    about, the rest tells the story.
    """
    plain = normalise(text).lower()
    opening = _SENTENCE_END.split(plain, maxsplit=1)[0][:OPENING_CHARS]
    return _grams(plain, ""), _grams(opening, OPENING)


def _grams(plain: str, mark: str) -> Counter[str]:
    return Counter(mark + plain[i : i + n] for n in range(1, LONGEST + 1) for i in range(len(plain) - n + 1))


class Lexical:
    """Sublinear TF-IDF and one linear map for all heads; the weights are int8 with one scale a column."""

    def __init__(
        self, vocabulary: list[str], idf: np.ndarray, weights: np.ndarray, scale: np.ndarray, bias: np.ndarray,
        heads: dict[str, int], opening: float = 0.0,
    ) -> None:  # fmt: skip
        """Takes ``vocabulary`` of v n-grams, ``idf`` (v,), ``weights`` (v, c) int8, ``scale`` and ``bias`` (c,).

        ``heads`` gives the number of columns of each head, in the order of the columns; ``opening`` is the length of
        the opening's part of the features beside the whole text's, which has length one.
        """
        self._index = {gram: i for i, gram in enumerate(vocabulary)}
        self._idf, self._weights, self._scale, self._bias, self.heads = idf, weights, scale, bias, heads
        self._opening = opening

    @classmethod
    def load(cls, file: Path) -> "Lexical":
        """Reads what ``save`` wrote."""
        with np.load(file, allow_pickle=False) as data:
            heads = dict(zip(data["head_names"].tolist(), data["head_sizes"].tolist(), strict=True))
            vocabulary = str(data["vocabulary"]).split("\n")
            opening = float(data["opening"]) if "opening" in data else 0.0
            return cls(vocabulary, data["idf"], data["weights"], data["scale"], data["bias"], heads, opening)

    def save(self, file: Path) -> None:
        """Writes one compressed ``.npz``; n-grams hold no line break, for the text they come from is normalised."""
        np.savez_compressed(
            file, vocabulary=np.array("\n".join(self._index)), idf=self._idf, weights=self._weights,
            scale=self._scale, bias=self._bias,
            head_names=np.array(list(self.heads)), head_sizes=np.array(list(self.heads.values())),
            opening=np.float32(self._opening),
        )  # fmt: skip

    def features(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Columns (k,) of the known n-grams and their weights (k,): the whole text's of length one, the opening's."""
        whole, opening = ngrams(text)
        columns, values = weigh(whole, self._index, self._idf)
        if not self._opening:
            return columns, values
        more, heavy = weigh(opening, self._index, self._idf)
        return np.concatenate([columns, more]), np.concatenate([values, heavy * np.float32(self._opening)])

    def margins(self, texts: Iterable[str]) -> dict[str, np.ndarray]:
        """(n, labels) float32 margins by head."""
        rows = []
        for text in texts:
            columns, values = self.features(text)
            rows.append(values @ self._weights[columns].astype(np.float32) * self._scale + self._bias)
        table = np.asarray(rows, np.float32).reshape(-1, len(self._scale))
        parts = np.split(table, np.cumsum(list(self.heads.values()))[:-1], axis=1)
        return dict(zip(self.heads, parts, strict=True))


def weigh(grams: Counter[str], index: dict[str, int], idf: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns (k,) of the known n-grams and their sublinear TF-IDF weights (k,) float32, of unit length."""
    found = [(index[gram], count) for gram, count in grams.items() if gram in index]
    columns = np.array([column for column, _ in found], np.int64)
    values = (1 + np.log(np.array([count for _, count in found], np.float32))) * idf[columns]
    return columns, values / np.float32(max(float(np.linalg.norm(values)), 1e-9))
