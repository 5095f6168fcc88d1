"""The intents' part of ``make bench``: our model beside Rasa's DIET and a linear SVM, same examples, same dev set.

Runs in ``.venv-bot``. DIET is trained once, on the whole; the others also five times for the cross-validation.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable

import numpy as np
import yaml
from rasa.core.agent import Agent
from rasa.model_training import train_nlu
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from bot.intents import fit
from classifier.encoder import Encoder
from classifier.text import normalise

REPO = Path(__file__).resolve().parent.parent
TRAIN, DEV = REPO / "nlu_data" / "intents", REPO / "nlu_data" / "intents_dev"
FOLDS = 5
DIET = {
    "recipe": "default.v1",
    "assistant_id": "bench",
    "language": "zh",
    "pipeline": [
        {"name": "JiebaTokenizer"},
        {"name": "CountVectorsFeaturizer", "analyzer": "char", "min_ngram": 1, "max_ngram": 3},
        {"name": "DIETClassifier", "epochs": 12, "entity_recognition": False, "constrain_similarities": True},
    ],
}  # Rasa's advice for Chinese without a pretrained model; its accuracy in training is 0.99 after 10 epochs of 30 s

Predict = Callable[[list[str]], list[str]]


def load(folder: Path) -> tuple[list[str], list[str]]:
    """Returns the examples below ``folder``, in normal form, and their intents."""
    texts, intents = [], []
    for file in sorted(folder.glob("*.yml")):
        for one in yaml.safe_load(file.read_text(encoding="utf-8"))["nlu"]:
            found = [line.strip()[2:] for line in one["examples"].splitlines() if line.strip().startswith("- ")]
            texts += [normalise(text) for text in found]
            intents += [one["intent"]] * len(found)
    return texts, intents


@lru_cache(maxsize=1)
def embeddings(model_dir: str) -> dict[str, np.ndarray]:
    """Returns the sentence vector of each training and dev example, encoded once for all folds."""
    texts = sorted({*load(TRAIN)[0], *load(DEV)[0]})
    return dict(zip(texts, Encoder.load(REPO / model_dir).embed(texts)))


def ours(texts: list[str], intents: list[str]) -> Predict:
    """Fits the shipped model with the settings in ``config.yml``."""
    steps = yaml.safe_load((REPO / "config.yml").read_text(encoding="utf-8"))["pipeline"]
    settings = next(step for step in steps if step["name"].endswith("EncoderFeaturizer"))

    def vectors(some: list[str]) -> np.ndarray:
        return np.stack([embeddings(settings["model_dir"])[text] for text in some]) * float(settings["scale"])

    model = fit(texts, vectors(texts), intents)

    def predict(some: list[str]) -> list[str]:
        chances = [model.probabilities(text, vector) for text, vector in zip(some, vectors(some))]
        return [model.intents[int(one.argmax())] for one in chances]

    return predict


def svc(texts: list[str], intents: list[str]) -> Predict:
    """Fits a linear SVM on runs of one to three characters."""
    model = make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True), LinearSVC())
    model.fit(texts, intents)
    return lambda some: list(model.predict(some))


def diet(texts: list[str], intents: list[str]) -> Predict:
    """Trains DIET through Rasa."""
    by_intent: dict[str, list[str]] = {}
    for text, intent in zip(texts, intents):
        by_intent.setdefault(intent, []).append(text)
    data = [{"intent": name, "examples": "".join(f"- {text}\n" for text in some)} for name, some in by_intent.items()]
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (("nlu.yml", {"version": "3.1", "nlu": data}), ("config.yml", DIET)):
            (Path(folder) / name).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        agent = Agent.load(train_nlu(f"{folder}/config.yml", f"{folder}/nlu.yml", folder))

    async def read(some: list[str]) -> list[str]:
        return [(await agent.parse_message(text))["intent"]["name"] for text in some]

    return lambda some: asyncio.run(read(some))


def macro_f1(truth: list[str], guess: list[str]) -> float:
    """Returns the mean of the intents' F1."""
    return float(f1_score(truth, guess, average="macro", zero_division=0))


def crossed(make: Callable[[list[str], list[str]], Predict], texts: list[str], intents: list[str]) -> float:
    """Returns the macro-F1 over ``FOLDS`` folds, each predicted by a model that has not seen it."""
    guess = [""] * len(texts)
    for seen, held in StratifiedKFold(FOLDS, shuffle=True, random_state=1).split(texts, intents):
        predict = make([texts[i] for i in seen], [intents[i] for i in seen])
        for i, intent in zip(held, predict([texts[i] for i in held])):
            guess[i] = intent
    return macro_f1(intents, guess)


def run() -> dict[str, Any]:
    """Returns all figures; times in seconds."""
    texts, intents = load(TRAIN)
    dev, truth = load(DEV)
    new = [i for i, text in enumerate(dev) if text not in set(texts)]
    counts = [intents.count(name) for name in set(intents)]
    found: dict[str, Any] = {"examples": len(texts), "intents": len(counts), "fewest": min(counts)}
    found |= {"dev": len(dev), "new": len(new)}
    for name, make in (("ours", ours), ("linear_svc", svc), ("diet", diet)):
        begun = time.perf_counter()
        predict = make(texts, intents)
        spent = time.perf_counter() - begun
        guess = predict(dev)
        found[name] = {"dev_macro_f1": macro_f1(truth, guess), "fit_s": spent}
        found[name]["new_macro_f1"] = macro_f1([truth[i] for i in new], [guess[i] for i in new])
        if name != "diet":
            found[name]["cv_macro_f1"] = crossed(make, texts, intents)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("json", type=Path)
    options = parser.parse_args()
    options.json.write_text(json.dumps(run(), ensure_ascii=False, indent=1), encoding="utf-8")
