"""The model's part of ``make bench``: how fast, how big, how right, each beside what a user would take instead."""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from transformers import BertConfig, BertModel

from classifier.taxonomy import URGENCIES, load_taxonomy
from classifier.text import normalise
from classifier.triage import Triage, Triager
from training.data import Example, load_appeals
from training.package import AUTOMATIC_PRECISION
from training.score import calibration_error, summary, threshold_for

REPO = Path(__file__).resolve().parent.parent
MODEL, NLU_DATA = REPO / "models" / "triage" / "default", REPO / "nlu_data"
MESSAGE = "中韩街道同安路小区门口路灯坏了三天没人修，晚上出门黑灯瞎火的，希望尽快派人处理"  # 40 characters


def _median_ms(act: Callable[[], object], times: int) -> float:
    """Median wall time of ``act`` in milliseconds, after two runs that do not count."""
    spent = []
    for i in range(times + 2):
        start = time.perf_counter()
        act()
        if i >= 2:
            spent.append(time.perf_counter() - start)
    return statistics.median(spent) * 1e3


def latency(triager: Triager) -> dict[str, float]:
    """One message on one thread: normalise to labels, against a BERT-base-sized float32 encoder alone."""
    torch.set_num_threads(1)
    base = BertModel(BertConfig(), add_pooling_layer=False).eval()
    ids = torch.randint(1000, 20000, (1, len(MESSAGE) + 2))
    with torch.inference_mode():
        theirs = _median_ms(lambda: base(input_ids=ids), 25)
    ours = _median_ms(lambda: triager.triage(MESSAGE), 200)
    return {"triage_p50_ms": ours, "bert_base_fp32_p50_ms": theirs, "times_faster": theirs / ours}


def throughput(triager: Triager, texts: list[str]) -> dict[str, float]:
    """Texts a second on one thread in batches of 32 of like length, against torch float32 of the same shape."""
    torch.set_num_threads(1)
    encoder = triager.encoder
    shape = encoder.labels["shape"]
    model = BertModel(BertConfig(**shape), add_pooling_layer=False).eval()
    rows = sorted((encoder.token_ids(text) for text in texts), key=len)
    start = time.perf_counter()
    with torch.inference_mode():
        for i in range(0, len(rows), 32):
            batch = rows[i : i + 32]
            width = max(map(len, batch))
            ids = torch.tensor([row + [1] * (width - len(row)) for row in batch])
            model(input_ids=ids, attention_mask=(ids != 1).long())
    theirs = len(texts) / (time.perf_counter() - start)
    start = time.perf_counter()
    encoder.encode(texts)
    ours = len(texts) / (time.perf_counter() - start)
    return {"texts_per_second": ours, "torch_fp32_texts_per_second": theirs, "times_faster": ours / theirs}


_SERVE = """
import sys
from pathlib import Path
from classifier.triage import Triager
model, nlu_data, message = sys.argv[1:]
triager = Triager.load(Path(model), Path(nlu_data))
for _ in range(100):
    triager.triage(message)
triager.triage_many([message * 8] * 32)
triager.explain(message)
status = Path("/proc/self/status").read_text()  # getrusage would count what the parent had at the fork
print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
"""


def serving_memory_mb() -> float:
    """Peak memory in MB of a process that loads the triager (no torch) and answers single texts and a long batch."""
    command = [sys.executable, "-c", _SERVE, str(MODEL), str(NLU_DATA), MESSAGE]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPO).stdout)


def quality(triager: Triager, train: list[Example], dev: list[Example]) -> dict[str, dict[str, float]]:
    """Accuracy, macro-F1 and calibration on dev by field, with LinearSVC on character n-grams beside."""
    rows = [e for e in dev if "category" in e.labels]
    answers = triager.triage_many([e.text for e in rows])
    found = {}
    for field in ("kind", "category", "subcategory", "urgency", "department"):
        truth = [e.labels[field] for e in rows]
        guess = [_answer(one, field) for one in answers]
        confidence = np.array([one.confidence[field] for one in answers])
        correct = np.array([a == b for a, b in zip(truth, guess, strict=True)])
        bar = threshold_for(confidence, correct, AUTOMATIC_PRECISION)
        baseline = make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True), LinearSVC())
        known = [e for e in train if field in e.labels]
        baseline.fit([normalise(e.text) for e in known], [e.labels[field] for e in known])
        theirs = summary(truth, list(baseline.predict([normalise(e.text) for e in rows])))
        found[field] = {
            **summary(truth, guess),
            "calibration_error": calibration_error(confidence, correct),
            "automatic_at_95": float((confidence >= bar).mean()),
            "svc_accuracy": theirs["accuracy"],
            "svc_macro_f1": theirs["macro_f1"],
        }
    return found


def _answer(one: Triage, field: str) -> str:
    if field == "subcategory":
        return f"{one.category}/{one.subcategory}"
    if field == "department" and one.department.endswith("街道办事处"):
        return "街道办事处"
    return str(getattr(one, field))


def emergencies(triager: Triager, dev: list[Example]) -> dict[str, float]:
    """Recall and precision of the emergency flag, and the share of automatic answers with their precision."""
    answers = triager.triage_many([e.text for e in dev])
    truth = np.array([e.labels.get("urgency") == URGENCIES[0] for e in dev])
    flag = np.array([one.emergency for one in answers])
    sure = np.array([not one.needs_review for one in answers])
    right = np.array([one.category == e.labels.get("category") for one, e in zip(answers, dev, strict=True)])
    asks = np.array(["category" in e.labels for e in dev])
    return {
        "emergencies": int(truth.sum()),
        "recall": float(flag[truth].mean()) if truth.any() else float("nan"),
        "precision": float(truth[flag].mean()) if flag.any() else float("nan"),
        "automatic_share": float(sure[asks].mean()),
        "automatic_category_accuracy": float(right[sure].mean()) if sure.any() else float("nan"),
    }


def run() -> dict[str, Any]:
    """All figures as one dictionary."""
    triager, taxonomy = Triager.load(MODEL, NLU_DATA), load_taxonomy(NLU_DATA)
    train, dev = (load_appeals(NLU_DATA / name, taxonomy) for name in ("appeals", "appeals_dev"))
    return {
        "model_version": triager.encoder.version,
        "latency": latency(triager),
        "throughput": throughput(triager, [e.text for e in dev][:512]),
        "memory_mb": serving_memory_mb(),
        "quality": quality(triager, train, dev),
        "emergencies": emergencies(triager, dev),
    }


def table(found: dict[str, Any]) -> Table:
    """One table for people."""
    shown = Table("项", "本模型", "对照", title=f"模型 {found['model_version']}")
    fast, many, alarm = found["latency"], found["throughput"], found["emergencies"]
    shown.add_row(
        "40 字一条，单线程 p50", f"{fast['triage_p50_ms']:.1f} ms",
        f"BERT-base fp32 {fast['bert_base_fp32_p50_ms']:.0f} ms（快 {fast['times_faster']:.1f} 倍）",
    )  # fmt: skip
    shown.add_row(
        "批量，单线程", f"{many['texts_per_second']:.0f} 条/秒",
        f"同形 torch fp32 {many['torch_fp32_texts_per_second']:.0f} 条/秒（快 {many['times_faster']:.1f} 倍）",
    )  # fmt: skip
    shown.add_row("服务进程内存", f"{found['memory_mb']:.0f} MB", "")
    for field, q in found["quality"].items():
        shown.add_row(
            f"{field} 准确率 / 宏 F1", f"{q['accuracy']:.3f} / {q['macro_f1']:.3f}（{q['n']} 条）",
            f"LinearSVC {q['svc_accuracy']:.3f} / {q['svc_macro_f1']:.3f}",
        )  # fmt: skip
    shown.add_row("特急 召回 / 精确", f"{alarm['recall']:.3f} / {alarm['precision']:.3f}", f"{alarm['emergencies']} 条")
    shown.add_row(
        "无需人工复核", f"{alarm['automatic_share']:.1%}", f"其中一级分类对 {alarm['automatic_category_accuracy']:.1%}"
    )
    return shown


def main() -> None:
    """Prints the table and writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, default=REPO / "build" / "bench-model.json")
    options = parser.parse_args()
    found = run()
    Console().print(table(found))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, ensure_ascii=False, indent=1), "utf-8")


if __name__ == "__main__":
    main()
