"""Makes half an encoder think like the whole one: layers are dropped, and what is left learns to give the same states.

No labels are needed, only text; the repo's own messages serve, cut and joined at random so that no two passes are
alike.
"""

import random
from pathlib import Path

import torch
from rich.progress import Progress
from tokenizers import Tokenizer
from torch.nn import functional
from transformers import BertModel

from classifier.text import normalise
from training.model import load_encoder


def heal(
    base: Path, layers: int, texts: list[str], steps: int, out: Path, progress: Progress, batch_size: int = 32
) -> Path:
    """Writes the ``layers``-layer student of ``base`` to ``out`` (a transformers folder) and returns ``out``.

    The student keeps evenly spaced layers; its states after each kept layer follow the teacher's after the same one.
    """
    torch.manual_seed(7)
    teacher, student = load_encoder(base).eval(), load_encoder(base, layers)
    student.embeddings.requires_grad_(False)
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    pool = [tokenizer.encode(normalise(text)).ids[1:-1] for text in texts]
    optimiser = torch.optim.AdamW([p for p in student.parameters() if p.requires_grad], lr=4e-4, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-4, total_steps=steps, pct_start=0.06)
    dice, task = random.Random(7), progress.add_task("蒸馏", total=steps)
    student.train()
    for _ in range(steps):
        ids, mask = _batch([_cut(pool, dice) for _ in range(batch_size)])
        loss = _distance(teacher, student, ids, mask)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        progress.advance(task)
        progress.update(task, description=f"蒸馏 {loss.item():.3f}")
    progress.remove_task(task)
    student.save_pretrained(out)
    tokenizer.save(str(out / "tokenizer.json"))
    return out


def _cut(pool: list[list[int]], dice: random.Random) -> list[int]:
    """One text, or two joined, or a stretch of one: at most 48 tokens."""
    ids = list(dice.choice(pool))
    if len(ids) < 20 and dice.random() < 0.5:
        ids += dice.choice(pool)
    if len(ids) > 46:
        start = dice.randrange(len(ids) - 45)
        ids = ids[start : start + 46]
    return [0, *ids, 2]


def _batch(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(map(len, rows))
    ids = torch.tensor([row + [1] * (width - len(row)) for row in rows])
    return ids, (ids != 1).long()


def _distance(teacher: BertModel, student: BertModel, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over kept layers of the tokens' relative squared error, and the pooled embeddings' distance."""
    with torch.no_grad():
        wanted = teacher(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states[1:]
    given = student(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states[1:]
    stride = len(wanted) / len(given)
    rows = mask.bool()
    total = torch.zeros(())
    for i, states in enumerate(given):
        target = wanted[round((i + 1) * stride) - 1][rows]
        error = (states[rows] - target).square().mean() / target.var()
        total = total + error * (2.0 if i == len(given) - 1 else 0.5)
    weights = (mask / mask.sum(1, keepdim=True)).unsqueeze(-1)
    a, b = (given[-1] * weights).sum(1), (wanted[-1] * weights).sum(1)
    centre = b.mean(0)  # e5 embeddings share a large common part: without it the angles mean something
    return total / len(given) + (1 - functional.cosine_similarity(a - centre, b - centre)).mean()
