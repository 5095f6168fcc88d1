"""Writes a trained network as one ONNX file, in float32 or in eight bits.

The graph is built node by node with ONNX Runtime's fused operators (Attention, SkipLayerNormalization, BiasGelu), so
that neither torch's exporter nor a pattern-matching optimiser stands between what was trained and what is served.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from training.model import HeadedEncoder

_CONTRIB = "com.microsoft"


@dataclass
class _Graph:
    """Nodes and weights of a graph being written."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def const(self, name: str, value: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: object) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output


def build_graph(model: HeadedEncoder, eight_bit_embeddings: bool) -> onnx.ModelProto:
    """The float32 graph of ``model``; the word embeddings, a quarter of the weights, in int8 rows if asked."""
    state = {name: value.detach().float().cpu().numpy() for name, value in model.state_dict().items()}
    config = model.encoder.config
    graph = _Graph()
    hidden = _embeddings(graph, state, config.layer_norm_eps, eight_bit_embeddings)
    lengths = graph.op("ReduceSum", ["mask32", graph.const("axis1", np.array([1]))], "lengths", keepdims=0)
    for layer in range(config.num_hidden_layers):
        hidden = _layer(graph, state, layer, hidden, lengths, config.num_attention_heads, config.layer_norm_eps)
    _pool(graph, hidden)
    outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", config.hidden_size])]
    for name, head in model.heads.items():
        weight = graph.const(f"{name}.w", state[f"heads.{name}.weight"].T)
        bias = graph.const(f"{name}.b", state[f"heads.{name}.bias"])
        graph.op("Gemm", ["embedding", weight, bias], name)
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", head.out_features]))
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "tokens"]) for n in ("input_ids", "attention_mask")]
    proto = helper.make_model(
        helper.make_graph(graph.nodes, "laoxian", inputs, outputs, graph.weights),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(_CONTRIB, 1)],
        producer_name="laoxian",
    )
    proto.ir_version = 8
    return proto


def _embeddings(graph: _Graph, state: dict[str, np.ndarray], epsilon: float, eight_bit: bool) -> str:
    graph.op("Cast", ["attention_mask"], "mask32", to=TensorProto.INT32)
    words = state["encoder.embeddings.word_embeddings.weight"]
    if eight_bit:
        scale = np.maximum(np.abs(words).max(1, keepdims=True), 1e-8) / 127
        graph.op("Gather", [graph.const("words", np.rint(words / scale).astype(np.int8)), "input_ids"], "word_int8")
        graph.op("Cast", ["word_int8"], "word_float", to=TensorProto.FLOAT)
        graph.op("Gather", [graph.const("scales", scale.astype(np.float32)), "input_ids"], "word_scale")
        graph.op("Mul", ["word_float", "word_scale"], "word")
    else:
        graph.op("Gather", [graph.const("words", words), "input_ids"], "word")
    type_row = state["encoder.embeddings.token_type_embeddings.weight"][0]
    graph.const("positions", state["encoder.embeddings.position_embeddings.weight"] + type_row)
    for name, value in (("zero1", [0]), ("one1", [1])):
        graph.const(name, np.array(value))
    graph.op("Shape", ["input_ids"], "shape")
    graph.op("Gather", ["shape", graph.const("index1", np.array([1]))], "tokens")
    graph.op("Slice", ["positions", "zero1", "tokens", "zero1"], "position")
    graph.op("Add", ["word", "position"], "embedded")
    prefix = "encoder.embeddings.LayerNorm."
    norm = [graph.const(f"e.{p}", state[prefix + p]) for p in ("weight", "bias")]
    return graph.op("LayerNormalization", ["embedded", *norm], "h0", axis=-1, epsilon=epsilon)


def _layer(
    graph: _Graph, state: dict[str, np.ndarray], layer: int, hidden: str, lengths: str, heads: int, epsilon: float
) -> str:
    prefix, name = f"encoder.encoder.layer.{layer}.", f"l{layer}"

    def dense(part: str, source: str, out: str) -> str:
        weight = graph.const(f"{out}.w", state[f"{prefix}{part}.weight"].T)
        return graph.op("MatMul", [source, weight], out)

    def bias(part: str, out: str) -> str:
        return graph.const(f"{out}.b", state[f"{prefix}{part}.bias"])

    def norm(part: str, branch: str, skip: str, branch_bias: str, out: str) -> str:
        gain = graph.const(f"{out}.g", state[f"{prefix}{part}.weight"])
        shift = graph.const(f"{out}.s", state[f"{prefix}{part}.bias"])
        inputs = [branch, skip, gain, shift, branch_bias]
        return graph.op("SkipLayerNormalization", inputs, out, _CONTRIB, epsilon=epsilon)

    parts = [f"{prefix}attention.self.{p}" for p in ("query", "key", "value")]
    weight = graph.const(f"{name}.qkv.w", np.concatenate([state[p + ".weight"].T for p in parts], axis=1))
    offset = graph.const(f"{name}.qkv.b", np.concatenate([state[p + ".bias"] for p in parts]))
    graph.op("Attention", [hidden, weight, offset, lengths], f"{name}.att", _CONTRIB, num_heads=heads)
    dense("attention.output.dense", f"{name}.att", f"{name}.ao")
    middle = norm("attention.output.LayerNorm", f"{name}.ao", hidden, bias("attention.output.dense", f"{name}.ao"), f"{name}.mid")
    dense("intermediate.dense", middle, f"{name}.fi")
    graph.op("BiasGelu", [f"{name}.fi", bias("intermediate.dense", f"{name}.fi")], f"{name}.act", _CONTRIB)
    dense("output.dense", f"{name}.act", f"{name}.fo")
    return norm("output.LayerNorm", f"{name}.fo", middle, bias("output.dense", f"{name}.fo"), f"{name}.out")


def _pool(graph: _Graph, hidden: str) -> None:
    """Mean over real tokens as one small matrix product: (batch, 1, tokens) × (batch, tokens, hidden)."""
    graph.op("Cast", ["attention_mask"], "maskf", to=TensorProto.FLOAT)
    graph.op("ReduceSum", ["maskf", "axis1"], "count", keepdims=1)
    graph.op("Div", ["maskf", "count"], "weights")
    graph.op("Unsqueeze", ["weights", "axis1"], "weights3")
    graph.op("MatMul", ["weights3", hidden], "pooled3")
    graph.op("Squeeze", ["pooled3", "axis1"], "embedding")


def export_float(model: HeadedEncoder, file: Path) -> None:
    """Writes the float32 ONNX file."""
    onnx.save(build_graph(model, eight_bit_embeddings=False), file)


@dataclass(frozen=True)
class Recipe:
    """How to bring the weights to eight bits. ``reduce_range`` (seven bits) avoids saturation on CPUs without VNNI."""

    name: str
    per_channel: bool
    reduce_range: bool
    unsigned: bool
    float_layers: int = 0  # the last layers kept in float32


RECIPES = (
    Recipe("int8-per-channel", per_channel=True, reduce_range=False, unsigned=False),
    Recipe("int7-per-channel", per_channel=True, reduce_range=True, unsigned=False),
    Recipe("int7-per-channel-last-layer-fp32", per_channel=True, reduce_range=True, unsigned=False, float_layers=1),
)


def export_int8(model: HeadedEncoder, file: Path, recipe: Recipe) -> None:
    """Writes the eight-bit ONNX file by ``recipe``; heads and pooling stay in float32, they are small."""
    source = file.with_suffix(".source.onnx")
    onnx.save(build_graph(model, eight_bit_embeddings=True), source)
    layers = model.encoder.config.num_hidden_layers
    parts = ("att", "ao", "fi", "fo")
    chosen = [f"l{i}.{part}" for i in range(layers - recipe.float_layers) for part in parts]
    quantize_dynamic(
        source, file, nodes_to_quantize=chosen, per_channel=recipe.per_channel, reduce_range=recipe.reduce_range,
        weight_type=QuantType.QUInt8 if recipe.unsigned else QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": TensorProto.FLOAT},
    )  # fmt: skip
    source.unlink()
