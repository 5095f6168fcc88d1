"""Moves outliers from activations into weights before quantisation (SmoothQuant, Xiao et al. 2023).

One scale for a whole activation tensor is all that a fast CPU kernel allows. A few of e5's channels are fifty times as
large as the rest and would take the whole range; dividing each channel by a factor, and multiplying the weight row that
reads it, changes nothing in exact arithmetic and leaves both sides easy to round.
"""

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

from training.model import HeadedEncoder

BALANCE = 0.7  # 0 leaves activations as they are, 1 makes all their channels alike


def _readers(model: HeadedEncoder) -> dict[str, list[nn.Linear]]:
    """The linear maps that read each quantised activation, by the name of its node in the ONNX graph."""
    found = {}
    for i, layer in enumerate(model.encoder.encoder.layer):
        own = layer.attention.self
        found[f"l{i}.att"] = [own.query, own.key, own.value]
        found[f"l{i}.ao"] = [layer.attention.output.dense]
        found[f"l{i}.fi"] = [layer.intermediate.dense]
        found[f"l{i}.fo"] = [layer.output.dense]
    return found


def smoothing_factors(model: HeadedEncoder, texts: Iterable[list[int]]) -> dict[str, np.ndarray]:
    """The factor of each channel, (in,) float32 by node name, from the activations on a few hundred texts' tokens."""
    readers, peaks, hooks = _readers(model), {}, []
    for name, maps in readers.items():
        peaks[name] = torch.zeros(maps[0].in_features)

        def watch(_module: nn.Module, inputs: tuple[torch.Tensor, ...], name: str = name) -> None:
            peaks[name] = torch.maximum(peaks[name], inputs[0].abs().flatten(0, -2).amax(0).cpu())

        hooks.append(maps[0].register_forward_pre_hook(watch))
    for ids in texts:
        tokens = torch.tensor([ids], device=next(model.parameters()).device)
        with torch.no_grad():
            model.embed(tokens, torch.ones_like(tokens))
    for hook in hooks:
        hook.remove()
    return {name: _factor(peaks[name], maps) for name, maps in readers.items()}


def _factor(peak: torch.Tensor, maps: list[nn.Linear]) -> np.ndarray:
    weight = torch.cat([m.weight.detach() for m in maps]).abs().amax(0).cpu()
    factor = peak.clamp_min(1e-4) ** BALANCE / weight.clamp_min(1e-4) ** (1 - BALANCE)
    return np.asarray((factor / factor.log().mean().exp()).numpy(), np.float32)
