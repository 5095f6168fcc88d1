"""The order of the queue and the agreement of two persons, on numbers that a hand can check."""

import numpy as np
import pytest

from api.curation.agreement import kappa
from api.curation.order import density, gains, margin, order, rarity


def chances(*values: float) -> list[dict[str, float]]:
    return [{"probability": value} for value in values]


@pytest.mark.parametrize(
    ("values", "expected"), [((0.5, 0.5), 1.0), ((1.0, 0.0), 0.0), ((0.2, 0.6, 0.2), 0.6), ((0.9,), 0.1), ((), 1.0)]
)
def test_margin(values: tuple[float, ...], expected: float) -> None:
    assert margin(chances(*values)) == pytest.approx(expected)


def test_a_rare_class_is_worth_more() -> None:
    assert rarity(0) == 1.0
    assert rarity(3) == 0.5
    assert rarity(99) == pytest.approx(0.1)


def test_density_leaves_the_text_itself_out() -> None:
    alone = np.array([[1.0, 0.0]])
    assert density(alone).tolist() == [1.0]
    three = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert density(three) == pytest.approx([0.5, 0.5, 0.0])


def test_gain_multiplies_the_three() -> None:
    two = np.array([[1.0, 0.0], [0.6, 0.8]])
    assert gains([chances(0.5, 0.3), chances(0.9, 0.1)], [3, 0], two) == pytest.approx([0.8 * 0.5 * 0.6, 0.2 * 0.6])


def test_a_batch_takes_no_two_of_a_kind() -> None:
    vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    gain = np.array([0.9, 0.8, 0.1])
    assert order(gain, vectors, batch=2) == [0, 2, 1]
    assert order(gain, vectors, batch=1) == [0, 1, 2]
    assert order(np.array([]), np.zeros((0, 2)), batch=2) == []


def test_kappa_as_in_the_textbook() -> None:
    # 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: observed 0.7, by chance 0.5.
    pairs = [("是", "是")] * 20 + [("是", "否")] * 5 + [("否", "是")] * 10 + [("否", "否")] * 15
    assert kappa(pairs) == pytest.approx(0.4)
    assert kappa([("是", "是")] * 3) == 1.0
    assert kappa([("是", "否"), ("否", "是")]) == -1.0
    assert kappa([]) is None
