"""The lexical view: what it reads of a text, and that what training sees is what serving computes."""

from pathlib import Path

import numpy as np
import pytest

from classifier.lexical import OPENING, Lexical, ngrams


def test_the_opening_is_the_first_sentence() -> None:
    whole, opening = ngrams("路灯坏了。小区东门")
    assert whole["路灯"] == 1
    assert whole["东门"] == 1
    assert opening[OPENING + "路灯"] == 1
    assert OPENING + "东门" not in opening
    assert not any(gram.startswith(OPENING) for gram in whole)


@pytest.mark.parametrize("opening", [0.0, 0.5])
def test_margins_survive_saving_and_count_the_opening(tmp_path: Path, opening: float) -> None:
    grams = ["路灯", OPENING + "路灯"]
    lexical = Lexical(
        grams, np.ones(2, np.float32), np.array([[10], [20]], np.int8), np.array([0.1], np.float32),
        np.array([0.5], np.float32), {"category": 1}, opening,
    )  # fmt: skip
    lexical.save(tmp_path / "lexical.npz")
    again = Lexical.load(tmp_path / "lexical.npz")
    for one in (lexical, again):
        margins = one.margins(["路灯坏了。小区", "小区。路灯坏了", "无关"])["category"][:, 0]
        np.testing.assert_allclose(margins, [0.5 + 1 + opening * 2, 0.5 + 1, 0.5], atol=1e-5)
