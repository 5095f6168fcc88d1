"""How well the replacement of personal data works: marked messages in, recall and precision out."""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from api.privacy.redact import Span, find_personal
from classifier.taxonomy import RuleError

KINDS = ("姓名", "电话", "证件", "车牌", "门牌", "邮箱", "微信", "号码")
_MARK = re.compile(r"\{([^|{}]+)\|([^{}]+)\}")


@dataclass
class Score:
    """What was found of the marked pieces.

    Attributes:
        marked: how many pieces of each kind are marked.
        covered: how many of them are replaced to the last character, under whatever placeholder.
        replaced: how many pieces were replaced.
        right: how many of these touch a marked one.
        missed: the messages with something left in, and what.
        needless: the messages with something taken out for nothing, and what.
    """

    marked: Counter[str] = field(default_factory=Counter)
    covered: Counter[str] = field(default_factory=Counter)
    replaced: int = 0
    right: int = 0
    missed: list[str] = field(default_factory=list)
    needless: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Share of the marked pieces of which nothing is left."""
        return self.covered.total() / max(self.marked.total(), 1)

    @property
    def precision(self) -> float:
        """Share of the replaced pieces that were personal."""
        return self.right / max(self.replaced, 1)


def read_marked(file: Path) -> list[tuple[str, list[Span]]]:
    """Reads messages with ``{kind|piece}`` marks, one a line, ``#`` for comments; raises ``RuleError`` by line."""
    rows = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        spans, text, at = [], "", 0
        for found in _MARK.finditer(line):
            text += line[at : found.start()]
            if found[1] not in KINDS:
                raise RuleError(file, number, f"不认识的种类 {found[1]}，应是 {'、'.join(KINDS)}")
            spans.append(Span(found[1], len(text), len(text) + len(found[2])))
            text, at = text + found[2], found.end()
        text += line[at:]
        if "{" in text or "}" in text:
            raise RuleError(file, number, "括号不成对，写法是 {种类|原文}")
        rows.append((text, spans))
    return rows


def score(rows: list[tuple[str, list[Span]]]) -> Score:
    """Runs the replacement over marked messages."""
    total = Score()
    for text, spans in rows:
        found = find_personal(text)
        gone = {at for one in found for at in range(one.start, one.end)}
        personal = {at for one in spans for at in range(one.start, one.end)}
        for one in spans:
            whole = gone.issuperset(range(one.start, one.end))
            total.marked[one.kind] += 1
            total.covered[one.kind] += whole
            if not whole:
                total.missed.append(f"{text[one.start : one.end]}（{one.kind}）：{text}")
        total.replaced += len(found)
        for one in found:
            if personal.isdisjoint(range(one.start, one.end)):
                total.needless.append(f"{text[one.start : one.end]}（{one.kind}）：{text}")
            else:
                total.right += 1
    return total
