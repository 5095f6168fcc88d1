"""A comparison as people read it in the terminal."""

from rich.console import Console
from rich.table import Table

from training.compare import Comparison

SHOWN = 10
CLEAR = 0.05


def show(found: Comparison, out: Console) -> None:
    """Prints fields, classes that differ, slices, what flipped with examples, and the emergencies."""
    _table(
        out,
        "各栏准确率（候选减在用；95 % 自助区间；McNemar）",
        ["栏", "条数", "在用", "候选", "差", "区间", "p", ""],
        [
            [one.field, str(one.n), f"{one.live:.3f}", f"{one.candidate:.3f}", f"{one.candidate - one.live:+.3f}",
             f"{one.low:+.3f} … {one.high:+.3f}", f"{one.p:.3f}", "" if one.p < CLEAR else "可能是碰巧"]
            for one in found.fields
        ],
    )  # fmt: skip
    _table(
        out,
        "逐类 F1（只列有变化的，掉得多的在前）",
        ["栏", "类", "条数", "在用", "候选", "差"],
        [
            [one.field, one.name, str(one.support), f"{one.live:.3f}", f"{one.candidate:.3f}", f"{-one.loss:+.3f}"]
            for one in sorted(found.classes, key=lambda one: -one.loss)
            if one.loss and one.field != "subcategory"
        ],
    )
    _table(
        out,
        "切开看（一级分类准确率）",
        ["切片", "条数", "在用", "候选"],
        [[name, str(n), f"{live:.3f}", f"{candidate:.3f}"] for name, n, live, candidate in found.slices],
    )
    worse = [one for one in found.flips if one[2] == one[1]]
    better = [one for one in found.flips if one[3] == one[1]]
    for words, flips in ((f"变坏 {len(worse)} 条", worse), (f"变好 {len(better)} 条", better)):
        rows = [[text[:40], truth, live, candidate] for text, truth, live, candidate in flips[:SHOWN]]
        _table(out, f"{words}（一级分类，举 {len(rows)} 例）", ["话", "应是", "在用", "候选"], rows)
    count, live, candidate = found.emergencies
    out.print(f"特急 {count} 条，召回：在用 {live:.3f}，候选 {candidate:.3f}")


def _table(out: Console, title: str, columns: list[str], rows: list[list[str]]) -> None:
    table = Table(*columns, title=title)
    for row in rows:
        table.add_row(*row)
    out.print(table)
