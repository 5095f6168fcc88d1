"""What the repo's labelled files hold already."""

import csv
import io
from collections import Counter
from functools import lru_cache
from pathlib import Path

from classifier.text import normalise


def rows_of(file: Path) -> list[dict[str, str]]:
    """Returns the rows of a labelled file in UTF-8 or GB18030; ``category`` is the file's name where no column says."""
    raw = file.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("gb18030")
    found = csv.DictReader(io.StringIO(text, newline=""))
    return [{"category": file.stem} | {key: value or "" for key, value in row.items() if key} for row in found]


@lru_cache
def training_counts(nlu_data: Path) -> Counter[tuple[str, str]]:
    """Returns how many training rows each ``(category, subcategory)`` has."""
    rows = (row for file in (nlu_data / "appeals").glob("*.csv") for row in rows_of(file))
    return Counter((row["category"], row["subcategory"]) for row in rows if row.get("subcategory"))


@lru_cache
def known_texts(nlu_data: Path) -> frozenset[str]:
    """Returns every text of the training and of the dev files, normalised: what stands there is not labelled again.

    A dev text must never enter training: the figures would no longer be honest.
    """
    files = [file for part in ("appeals", "appeals_dev") for file in (nlu_data / part).glob("*.csv")]
    return frozenset(normalise(row.get("text", "")) for file in files for row in rows_of(file))
