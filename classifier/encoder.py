"""Runs the ONNX encoder: texts in, calibrated head probabilities and a pooled embedding out."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from classifier.lexical import FILE as LEXICAL
from classifier.lexical import Lexical
from classifier.text import normalise

BATCH_TOKENS = 512  # more in one run is slower (the caches overflow) and the session keeps the largest run's memory


class ModelError(RuntimeError):
    """The model folder is missing, incomplete or of another format."""


@dataclass(frozen=True)
class Encoded:
    """What one run gives for n texts: calibrated ``logits[head]`` (n, labels); ``embedding`` (n, hidden)."""

    logits: dict[str, np.ndarray]
    embedding: np.ndarray


def _batches(ids: list[list[int]]) -> Iterator[list[list[int]]]:
    """Cuts token lists, shortest first, into batches of at most ``BATCH_TOKENS`` tokens, padding counted."""
    batch: list[list[int]] = []
    for row in ids:
        if batch and (len(batch) + 1) * len(row) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def softmax(logits: np.ndarray) -> np.ndarray:
    """Row-wise softmax of (n, labels)."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), np.float32)


class Encoder:
    """The shipped encoder. Thread-safe: an ONNX session may be run by many threads, and nothing else changes."""

    def __init__(
        self,
        session: ort.InferenceSession,
        tokenizer: Tokenizer,
        labels: dict[str, Any],
        lexical: Lexical | None = None,
    ) -> None:
        self._session, self._tokenizer, self.labels, self.lexical = session, tokenizer, labels, lexical
        self.max_tokens: int = labels["max_tokens"]
        self.windows: int = labels.get("windows", 1)
        self.heads: dict[str, list[str]] = labels["heads"]
        self.version: str = labels["version"]
        self._outputs = ["embedding", *self.heads]
        self._single: Callable[[tuple[int, ...]], list[np.ndarray]] = lambda ids: self._forward([list(ids)])

    @classmethod
    def load(cls, model_dir: Path) -> "Encoder":
        """Loads ``model.onnx``, ``tokenizer.json`` and ``labels.json``; raises ``ModelError`` naming what is wrong."""
        for name in ("model.onnx", "tokenizer.json", "labels.json"):
            if not (model_dir / name).is_file():
                raise ModelError(f"模型目录 {model_dir} 缺少 {name}")
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            session = ort.InferenceSession(str(model_dir / "model.onnx"), options, providers=["CPUExecutionProvider"])
            tokenizer = Tokenizer.from_file(str(model_dir / "tokenizer.json"))
            tokenizer.no_padding()
            tokenizer.no_truncation()
            lexical = Lexical.load(model_dir / LEXICAL) if (model_dir / LEXICAL).is_file() else None
            return cls(session, tokenizer, json.loads((model_dir / "labels.json").read_text("utf-8")), lexical)
        except Exception as error:  # onnxruntime and tokenizers raise their own kinds for a damaged file
            raise ModelError(f"模型目录 {model_dir} 读不出来：{error}") from error

    def remember(self, count: int) -> None:
        """Keeps the outputs of the last ``count`` single texts, for a service that asks about the same text again."""
        self._single = lru_cache(maxsize=count)(lambda ids: self._forward([list(ids)]))

    def token_ids(self, text: str) -> list[int]:
        """Token numbers of ``text`` with ``<s>`` and ``</s>``; a text beyond the window keeps its head and its tail.

        Residents state the matter first and the wish last, the history lies between: two thirds of the window go to
        the head, one third to the tail.
        """
        return clip(self._tokenizer.encode(normalise(text)).ids, self.max_tokens)

    def encode(self, texts: list[str]) -> Encoded:
        """Head logits and embeddings of ``texts``, in any number; an empty list gives arrays of no rows.

        Logits are the encoder's plus the weighted lexical margins, divided by the head's temperature.
        """
        joined = self.run(texts)
        logits = {head: joined[head] for head in self.heads}
        if self.lexical:
            margins = self.lexical.margins(texts)
            logits = {
                h: v + np.float32(self.labels["lexical"].get(h, 0.0)) * margins.get(h, 0.0) for h, v in logits.items()
            }
        temperatures = self.labels["temperatures"]
        return Encoded({h: v / np.float32(temperatures[h]) for h, v in logits.items()}, joined["embedding"])

    def run(self, texts: list[str]) -> dict[str, np.ndarray]:
        """The network's raw outputs by name, (n, …) each, in batches of like length.

        Where the model reads long texts in several windows, a text's outputs are the mean over its windows.
        """
        if self.windows == 1:
            return self._run_all([self.token_ids(text) for text in texts])
        cut = [windows(self._tokenizer.encode(normalise(text)).ids, self.max_tokens, self.windows) for text in texts]
        outputs = self._run_all([ids for parts in cut for ids in parts])
        if not texts:
            return outputs
        counts = np.array([len(parts) for parts in cut])
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        return {name: np.add.reduceat(values, starts) / counts[:, None] for name, values in outputs.items()}

    def _run_all(self, ids: list[list[int]]) -> dict[str, np.ndarray]:
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        parts: dict[str, list[np.ndarray]] = {name: [] for name in self._outputs}
        for batch in _batches([ids[i] for i in order]):
            for name, values in zip(self._outputs, self._run(batch), strict=True):
                parts[name].append(values)
        back = np.argsort(np.asarray(order, np.int64))
        return {name: np.concatenate(parts[name])[back] if order else self._empty(name) for name in self._outputs}

    def probabilities(self, texts: list[str]) -> dict[str, np.ndarray]:
        """Probability tables (n, labels) by head, levels made consistent."""
        return self.probabilities_and_embeddings(texts)[0]

    def probabilities_and_embeddings(self, texts: list[str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """What ``probabilities`` and ``embed`` give, of one run."""
        encoded = self.encode(texts)
        return tables(encoded.logits, self.heads, self.labels["parents"]), unit(encoded.embedding)

    def embed(self, texts: list[str]) -> np.ndarray:
        """Mean-pooled embeddings of unit length, (n, hidden) float32."""
        return unit(self.run(texts)["embedding"])

    def _run(self, ids: list[list[int]]) -> list[np.ndarray]:
        return self._single(tuple(ids[0])) if len(ids) == 1 else self._forward(ids)

    def _forward(self, ids: list[list[int]]) -> list[np.ndarray]:
        width = max(len(row) for row in ids)
        tokens = np.full((len(ids), width), 1, np.int64)  # 1 is <pad>
        mask = np.zeros((len(ids), width), np.int64)
        for i, row in enumerate(ids):
            tokens[i, : len(row)] = row
            mask[i, : len(row)] = 1
        return list(self._session.run(self._outputs, {"input_ids": tokens, "attention_mask": mask}))

    def _empty(self, name: str) -> np.ndarray:
        width = self.labels["hidden"] if name == "embedding" else len(self.heads[name])
        return np.zeros((0, width), np.float32)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of (n, hidden) at unit length, float32."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-6), np.float32)


def joint(logits: dict[str, np.ndarray], heads: dict[str, list[str]], child: str, parent: str) -> np.ndarray:
    """(n, children) probability of each child label: softmax over the child's logit plus its parent's.

    A parent's probability is the sum over its children, so the two levels cannot contradict each other.
    """
    column = {name: i for i, name in enumerate(heads[parent])}
    above = np.array([column[name.split("/")[0]] for name in heads[child]])
    return softmax(logits[child] + logits[parent][:, above])


def tables(
    logits: dict[str, np.ndarray], heads: dict[str, list[str]], parents: dict[str, str]
) -> dict[str, np.ndarray]:
    """Probability tables (n, labels) by head; ``parents`` maps each child head to its parent head."""
    found = {head: softmax(values) for head, values in logits.items()}
    for child, parent in parents.items():
        found[child] = joint(logits, heads, child, parent)
        names = [name.split("/")[0] for name in heads[child]]
        belongs = np.array([[name == label for label in heads[parent]] for name in names], np.float32)
        found[parent] = found[child] @ belongs
    return found


def clip(ids: list[int], limit: int) -> list[int]:
    """Cuts a list of token numbers to ``limit``: two thirds from the head, the rest from the tail."""
    if len(ids) <= limit:
        return ids
    head = limit * 2 // 3
    return ids[:head] + ids[len(ids) - (limit - head) :]


def windows(ids: list[int], limit: int, most: int) -> list[list[int]]:
    """Cuts a list of token numbers into at most ``most`` windows of ``limit``.

    Each begins with the text's opening, for a title says what the story is about, and ends with its last token. What
    lies beyond the last window but one is left to a window at the text's end, where the wish stands.
    """
    if len(ids) <= limit:
        return [ids]
    lead, body, room = ids[: limit // 5], ids[limit // 5 : -1], limit - limit // 5 - 1
    starts = list(range(0, len(body), room))[:most]
    starts[-1] = max(len(body) - room, 0)
    return [[*lead, *body[start : start + room], ids[-1]] for start in starts]
