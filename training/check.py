"""Is the labelled data fit to train on: bad rows, texts that stand on both sides, contradictions, suspicious labels."""

import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from cleanlab.filter import find_label_issues
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from classifier.taxonomy import load_taxonomy
from classifier.text import normalise
from training.data import Example, load_appeals

NEAR = 0.9  # cosine of character n-grams from which two texts count as one


@dataclass
class Report:
    """Rows by category (training, dev) and what a person should look at, each with file and line."""

    counts: list[list[str]]
    problems: list[str] = field(default_factory=list)


def check_data(nlu_data: Path) -> Report:
    """Reads training and dev data and compares them.

    Raises:
        DataError: a row is refused by the loader.
        RuleError: the taxonomy is wrong.
    """
    taxonomy = load_taxonomy(nlu_data)
    train, dev = (load_appeals(nlu_data / name, taxonomy) for name in ("appeals", "appeals_dev"))
    sides = [Counter(e.labels.get("category", "（非诉求）") for e in part) for part in (train, dev)]
    report = Report([[name, *(str(side[name]) for side in sides)] for name in [*taxonomy.categories, "（非诉求）"]])
    report.problems += _contradictions(train) + _across(train, dev)
    report.problems += [
        f"taxonomy.yml: {category}/{name} 没有训练样本"
        for category, name in taxonomy.pairs()
        if f"{category}/{name}" not in {e.labels.get("subcategory") for e in train}
    ]
    return report


def _bare(text: str) -> str:
    """Letters, digits and Han characters only: how two people could type the same sentence."""
    return "".join(c for c in normalise(text).lower() if unicodedata.category(c)[0] in "LN")


def _contradictions(examples: list[Example]) -> list[str]:
    """Texts that differ in punctuation only: the same labels are a repetition, other labels a contradiction."""
    groups: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        groups[_bare(example.text)].append(example)
    problems = []
    groups.pop("", None)  # emoji and punctuation alone
    for group in (g for g in groups.values() if len(g) > 1):
        word = "重复" if all(e.labels == group[0].labels for e in group) else "标签矛盾"
        problems.append(f"{group[0].source}: {word}：{'，'.join(e.source for e in group[1:])}“{group[0].text[:30]}”")
    return problems


def _across(train: list[Example], dev: list[Example]) -> list[str]:
    """Dev texts that also stand, word for word or nearly so, among the training texts."""
    if not dev:
        return []
    vectoriser = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    ours = vectoriser.fit_transform([_bare(e.text) for e in train])
    near = (vectoriser.transform([_bare(e.text) for e in dev]) @ ours.T).tocsr()
    problems = []
    for i, example in enumerate(dev):
        row = near.getrow(i)
        if row.nnz and row.data.max() >= NEAR:
            twin = train[row.indices[row.data.argmax()]]
            problems.append(f"{example.source}: 开发集与训练集重复：{twin.source}“{example.text[:30]}”")
    return problems


def suspicious_labels(nlu_data: Path) -> list[str]:
    """Labels of category, kind and urgency that out-of-fold predictions contradict with confidence (cleanlab)."""
    examples = [e for e in load_appeals(nlu_data / "appeals", load_taxonomy(nlu_data)) if "category" in e.labels]
    texts, problems = [normalise(e.text) for e in examples], []
    for head in ("category", "kind", "urgency"):
        names = sorted({e.labels[head] for e in examples})
        target = np.array([names.index(e.labels[head]) for e in examples])
        model = make_pipeline(
            TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True),
            LogisticRegression(C=20, max_iter=200),
        )
        table = cross_val_predict(model, texts, target, cv=4, method="predict_proba")
        for i in find_label_issues(target, table, return_indices_ranked_by="self_confidence"):
            guess = names[int(table[i].argmax())]
            problems.append(
                f"{examples[i].source}: {head} 标“{names[target[i]]}”，像“{guess}”“{examples[i].text[:30]}”"
            )
    return problems
