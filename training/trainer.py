"""Fine-tuning: one encoder, several heads, resumable after a kill, stopped early by the dev set."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR

from classifier.encoder import clip, windows
from classifier.text import normalise
from training.data import Example
from training.model import HeadedEncoder, load_encoder, parameter_groups
from training.probe import probe
from training.score import head_scores

IGNORED = -100


@dataclass(frozen=True)
class Settings:
    """What a run depends on, besides its data. Rates are per step of ``batch_size`` texts."""

    base: str
    layers: int | None = None  # keep so many of the base's layers; None keeps all
    epochs: int = 4
    batch_size: int = 16
    max_tokens: int = 128  # of a training text; longer ones are cropped anew in each epoch
    windows: int = 1  # in how many windows serving reads a long text; training then crops to one of them
    rate: float = 8e-5
    head_rate: float = 1e-3
    layer_decay: float = 0.9
    smoothing: float = 0.05
    train_embeddings: bool = True
    patience: int = 2  # epochs without a better dev score before the run stops
    head_weights: dict[str, float] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)  # child head -> parent head; labels are "parent/child"
    seed: int = 7


@dataclass
class Batch:
    """Token numbers and mask (n, tokens), and label numbers (n,) by head, ``IGNORED`` where a text has none."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: dict[str, torch.Tensor]


class Trainer:
    """Trains a ``HeadedEncoder`` on examples; ``fit`` returns the best epoch's network."""

    def __init__(
        self, settings: Settings, train: list[Example], dev: list[Example], heads: list[str], folder: Path
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.folder = settings, folder
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.tokenizer = Tokenizer.from_file(str(Path(settings.base) / "tokenizer.json"))
        self.labels = {head: sorted({e.labels[head] for e in train if head in e.labels}) for head in heads}
        self.train, self.dev = train, dev
        self.train_ids = [self._ids(e.text) for e in train]
        self.dev_ids = [clip(self._ids(e.text), settings.max_tokens) for e in dev]
        encoder = load_encoder(settings.base, settings.layers)
        encoder.embeddings.requires_grad_(settings.train_embeddings)
        self.model = HeadedEncoder(encoder, {h: len(names) for h, names in self.labels.items()}).to(self.device)
        self.class_weights = {head: self._class_weights(head) for head in heads}
        self.belongs = {child: self._belongs(child, parent) for child, parent in settings.parents.items()}

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(normalise(text)).ids

    def _class_weights(self, head: str) -> torch.Tensor:
        """Inverse square roots of the class counts, of mean one, between a half and three."""
        counts = Counter(e.labels[head] for e in self.train if head in e.labels)
        weights = np.array([counts[name] for name in self.labels[head]], np.float32) ** -0.5
        return torch.from_numpy(np.clip(weights / weights.mean(), 0.5, 3.0)).to(self.device)

    def _belongs(self, child: str, parent: str) -> torch.Tensor:
        """(parents, children) of ones and zeros: which child label stands under which parent label."""
        rows = [[float(name.split("/")[0] == above) for name in self.labels[child]] for above in self.labels[parent]]
        return torch.tensor(rows, device=self.device)

    def fit(self, progress: Progress) -> tuple[HeadedEncoder, list[dict[str, float]]]:
        """Trains, or goes on from a checkpoint of the same run; returns the best network and every epoch's scores."""
        groups = parameter_groups(self.model, self.settings.rate, self.settings.head_rate, self.settings.layer_decay)
        optimiser = torch.optim.AdamW(groups)
        steps = len(self.train) // self.settings.batch_size + 1
        total = steps * self.settings.epochs
        schedule = LambdaLR(optimiser, lambda step: _warm_cosine(step, total))
        first, history = self._resume(optimiser, schedule)
        if first == 0:
            self._probe(progress)
        task = progress.add_task("训练", total=total, completed=first * steps)
        for epoch in range(first, self.settings.epochs):
            self._epoch(epoch, optimiser, schedule, lambda: progress.advance(task))
            scores = self.evaluate()
            history.append({"epoch": epoch + 1, **scores})
            progress.console.print(f"第 {epoch + 1} 轮  " + "  ".join(f"{k} {v:.3f}" for k, v in scores.items()))
            best = max(range(len(history)), key=lambda i: history[i]["score"])
            if best == epoch:
                torch.save(self.model.state_dict(), self.folder / "best.pt")
            self._checkpoint(epoch + 1, optimiser, schedule, history)
            if epoch - best >= self.settings.patience:
                break
        progress.remove_task(task)
        self.model.load_state_dict(torch.load(self.folder / "best.pt", map_location=self.device))
        return self.model.eval(), history

    def _probe(self, progress: Progress) -> None:
        """Gives the heads their first weights from the untouched encoder's embeddings of the training texts."""
        self.model.eval()
        ids = [clip(row, self.settings.max_tokens) for row in self.train_ids]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        features = np.zeros((len(ids), self.model.encoder.config.hidden_size), np.float32)
        starts = range(0, len(order), 64)
        for start in progress.track(starts, description="向量"):
            rows = order[start : start + 64]
            batch = self._batch([ids[i] for i in rows], [])
            with torch.no_grad():
                features[rows] = self.model.embed(batch.input_ids, batch.attention_mask).float().cpu().numpy()
        targets = self._batch([[0]] * len(ids), self.train).labels
        parents = set(
            self.settings.parents.values()
        )  # a child's probe says what its parent's would; they start at zero
        probe(self.model, features, {h: target.cpu().numpy() for h, target in targets.items() if h not in parents})
        for parent in parents:
            nn.init.zeros_(self.model.heads[parent].weight)
            nn.init.zeros_(self.model.heads[parent].bias)

    def _epoch(
        self, epoch: int, optimiser: torch.optim.Optimizer, schedule: LambdaLR, tick: Callable[[], None]
    ) -> None:
        self.model.train()
        torch.manual_seed(self.settings.seed * 1000 + epoch)
        for batch in self._batches(random.Random(self.settings.seed * 1000 + epoch)):
            _, logits = self.model(batch.input_ids, batch.attention_mask)
            loss = self._loss(logits, batch.labels)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            tick()

    def _batches(self, dice: random.Random) -> Iterator[Batch]:
        """Shuffled batches of texts of like length (chunks of 32 batches are sorted, then shuffled again)."""
        order, size = list(range(len(self.train))), self.settings.batch_size
        dice.shuffle(order)
        ids = {i: self._crop(self.train_ids[i], dice) for i in order}
        chunks = [order[i : i + size * 32] for i in range(0, len(order), size * 32)]
        batches = []
        for chunk in chunks:
            chunk.sort(key=lambda i: len(ids[i]))
            batches += [chunk[i : i + size] for i in range(0, len(chunk), size)]
        dice.shuffle(batches)
        for batch in batches:
            yield self._batch([ids[i] for i in batch], [self.train[i] for i in batch])

    def _crop(self, ids: list[int], dice: random.Random) -> list[int]:
        """A text beyond the window: what serving reads of it, and one time in three a window anywhere."""
        limit = self.settings.max_tokens
        if self.settings.windows > 1:
            return dice.choice(windows(ids, limit, self.settings.windows))
        if len(ids) <= limit or dice.random() > 1 / 3:
            return clip(ids, limit)
        start = dice.randrange(1, len(ids) - limit + 2)
        return [ids[0], *ids[start : start + limit - 2], ids[-1]]

    def _batch(self, ids: list[list[int]], examples: list[Example]) -> Batch:
        width = max(len(row) for row in ids)
        tokens = torch.ones((len(ids), width), dtype=torch.long)
        mask = torch.zeros((len(ids), width), dtype=torch.long)
        for i, row in enumerate(ids):
            tokens[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        labels = {}
        for head, names in self.labels.items():
            number = {name: i for i, name in enumerate(names)}
            labels[head] = torch.tensor([number.get(e.labels.get(head, ""), IGNORED) for e in examples]).to(self.device)
        return Batch(tokens.to(self.device), mask.to(self.device), labels)

    def _loss(self, logits: dict[str, torch.Tensor], labels: dict[str, torch.Tensor]) -> torch.Tensor:
        """Weighted sum of the heads' losses. A child's logit counts on top of its parent's, as in ``encoder.joint``."""
        logs = {head: functional.log_softmax(values, dim=-1) for head, values in logits.items()}
        for child, parent in self.settings.parents.items():
            belongs = self.belongs[child]
            logs[child] = functional.log_softmax(logits[child] + logits[parent] @ belongs, dim=-1)
            logs[parent] = (logs[child].exp() @ belongs.T).clamp_min(1e-9).log()
        total = torch.zeros((), device=self.device)
        for head, log in logs.items():
            rows = labels[head] != IGNORED
            if rows.any():
                weights = self.class_weights[head]
                loss = _smoothed(log[rows], labels[head][rows], weights, self.settings.smoothing)
                total = total + self.settings.head_weights.get(head, 1.0) * loss
        return total

    def predict(self, ids: list[list[int]]) -> dict[str, np.ndarray]:
        """Raw logits (n, labels) by head."""
        self.model.eval()
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        found: dict[str, list[np.ndarray]] = {head: [] for head in self.labels}
        for start in range(0, len(order), 32):
            batch = self._batch([ids[i] for i in order[start : start + 32]], [])
            with torch.no_grad():
                _, logits = self.model(batch.input_ids, batch.attention_mask)
            for head, values in logits.items():
                found[head].append(values.float().cpu().numpy())
        back = np.argsort(order)
        return {head: np.concatenate(parts)[back] for head, parts in found.items()}

    def evaluate(self) -> dict[str, float]:
        """Macro-F1 of each head on dev and their weighted mean as ``score``."""
        return head_scores(self.predict(self.dev_ids), self.labels, self.dev, self.settings)

    def _identity(self) -> str:
        data = [asdict(self.settings), [[e.text, e.labels] for e in self.train], len(self.dev)]
        return sha256(json.dumps(data, ensure_ascii=False, sort_keys=True).encode()).hexdigest()

    def _checkpoint(
        self, epoch: int, optimiser: torch.optim.Optimizer, schedule: LambdaLR, history: list[dict[str, float]]
    ) -> None:
        state = {
            "identity": self._identity(), "epoch": epoch, "history": history, "model": self.model.state_dict(),
            "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict(),
        }  # fmt: skip
        part = self.folder / "checkpoint.part"
        torch.save(state, part)
        part.replace(self.folder / "checkpoint.pt")

    def _resume(self, optimiser: torch.optim.Optimizer, schedule: LambdaLR) -> tuple[int, list[dict[str, float]]]:
        """The next epoch and the history so far, from a checkpoint of the same settings and data, else from nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "checkpoint.pt"
        if not file.exists():
            return 0, []
        state = torch.load(file, map_location=self.device, weights_only=False)
        if state["identity"] != self._identity():
            return 0, []
        self.model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        return state["epoch"], state["history"]


def _warm_cosine(step: int, total: int) -> float:
    """Learning-rate factor: linear over the first 6 %, then a cosine down to zero."""
    warm = max(1, int(total * 0.06))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + float(np.cos(np.pi * min(1.0, (step - warm) / max(1, total - warm)))))


def _smoothed(log: torch.Tensor, target: torch.Tensor, weights: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Weighted cross-entropy of log probabilities (n, labels), with a share of the mass on all labels alike."""
    loss = -(1 - smoothing) * log.gather(1, target[:, None])[:, 0] - smoothing * log.mean(1)
    weight = weights[target]
    return (loss * weight).sum() / weight.sum()
