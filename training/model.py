"""The network: one shared encoder, a mean-pooled embedding, one linear head for each label column."""

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import BertModel


class HeadedEncoder(nn.Module):
    """``BertModel`` with mean pooling and linear heads.

    ``forward`` takes token numbers and mask, (batch, tokens) each, and returns the embedding (batch, hidden) and a
    dictionary of logits (batch, labels), one entry a head.
    """

    def __init__(self, encoder: BertModel, heads: dict[str, int], dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict({name: nn.Linear(encoder.config.hidden_size, size) for name, size in heads.items()})

    def embed(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Mean over real tokens of the last layer, (batch, hidden)."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        return (states * weights).sum(1) / weights.sum(1)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Embedding and logits of a batch."""
        pooled = self.embed(input_ids, attention_mask)
        dropped = self.dropout(pooled)
        return pooled, {name: head(dropped) for name, head in self.heads.items()}


def load_encoder(folder: str | Path, layers: int | None = None) -> BertModel:
    """Loads a BERT from ``folder`` (or a hub name) and keeps ``layers`` of it, evenly spaced, the last one included."""
    encoder = BertModel.from_pretrained(folder, add_pooling_layer=False)
    total = encoder.config.num_hidden_layers
    if layers and layers < total:
        kept = [round((i + 1) * total / layers) - 1 for i in range(layers)]
        encoder.encoder.layer = nn.ModuleList(encoder.encoder.layer[i] for i in kept)
        encoder.config.num_hidden_layers = layers
    return encoder


def parameter_groups(model: HeadedEncoder, rate: float, head_rate: float, decay: float) -> list[dict[str, Any]]:
    """Layer-wise learning rates: a layer below the top learns ``decay`` times slower; norms don't decay."""
    layers = model.encoder.config.num_hidden_layers

    def rate_of(name: str) -> float:
        if name.startswith("heads."):
            return head_rate
        if ".layer." in name:
            return float(rate * decay ** (layers - 1 - int(name.split(".layer.")[1].split(".", 1)[0])))
        return float(rate * decay**layers)

    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        weight_decay = 0.0 if name.endswith("bias") or "LayerNorm" in name else 0.01
        groups.setdefault((rate_of(name), weight_decay), []).append(parameter)
    return [{"params": p, "lr": lr, "weight_decay": wd} for (lr, wd), p in groups.items()]
