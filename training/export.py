"""Writes a trained network as one ONNX file, in float32 or in eight bits.

The graph is built node by node with ONNX Runtime's fused operators (Attention, SkipLayerNormalization, BiasGelu), so
that neither torch's exporter nor a pattern-matching optimiser stands between what was trained and what is served.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from training.model import HeadedEncoder

_CONTRIB = "com.microsoft"


Factors = Mapping[str, np.ndarray]
_Part = Callable[[str], np.ndarray]


@dataclass
class _Graph:
    """Nodes and weights of a graph being written, from a network's ``state``.

    ``factors`` (see ``smooth``) divide the activation that a node reads and multiply the weights that read it.
    """

    state: dict[str, np.ndarray]
    factors: Factors
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def const(self, name: str, value: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: object) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def matmul(self, source: str, weight: np.ndarray, out: str) -> str:
        """``source`` times ``weight`` (in, out), smoothed if there are factors for ``out``."""
        if out in self.factors:
            weight = weight * self.factors[out][:, None]
        return self.op("MatMul", [source, self.const(f"{out}.w", weight)], out)

    def smoothed(self, source: str, out: str) -> str:
        """``source`` divided by the factors of node ``out``."""
        if out not in self.factors:
            return source
        inverse = self.const(f"{out}.f", (1 / self.factors[out]).astype(np.float32))
        return self.op("Mul", [source, inverse], f"{out}.x")


def build_graph(model: HeadedEncoder, eight_bit_embeddings: bool, factors: Factors | None = None) -> onnx.ModelProto:
    """The float32 graph of ``model``; the word embeddings, a quarter of the weights, in int8 rows if asked."""
    config = model.encoder.config
    state = {name: value.detach().float().cpu().numpy() for name, value in model.state_dict().items()}
    graph = _Graph(state, factors or {})
    hidden = _embeddings(graph, config.layer_norm_eps, eight_bit_embeddings)
    graph.op("ReduceSum", ["mask32", graph.const("axis1", np.array([1]))], "lengths", keepdims=0)
    for layer in range(config.num_hidden_layers):
        hidden = _layer(graph, layer, hidden, config.num_attention_heads, config.layer_norm_eps)
    _pool(graph, hidden)
    outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", config.hidden_size])]
    for name, head in model.heads.items():
        weight = graph.const(f"{name}.w", state[f"heads.{name}.weight"].T)
        graph.op("Gemm", ["embedding", weight, graph.const(f"{name}.b", state[f"heads.{name}.bias"])], name)
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", head.out_features]))
    names, shape = ("input_ids", "attention_mask"), ["batch", "tokens"]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in names]
    proto = helper.make_model(
        helper.make_graph(graph.nodes, "laoxian", inputs, outputs, graph.weights),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(_CONTRIB, 1)],
        producer_name="laoxian",
    )
    proto.ir_version = 8
    return proto


def _embeddings(graph: _Graph, epsilon: float, eight_bit: bool) -> str:
    """Word plus position embeddings, normalised; token types are all zero and folded into the positions."""
    prefix = "encoder.embeddings."
    words = graph.state[prefix + "word_embeddings.weight"]
    graph.op("Cast", ["attention_mask"], "mask32", to=TensorProto.INT32)
    if eight_bit:
        scale = np.maximum(np.abs(words).max(1, keepdims=True), 1e-8) / 127
        graph.op("Gather", [graph.const("words", np.rint(words / scale).astype(np.int8)), "input_ids"], "word_int8")
        graph.op("Cast", ["word_int8"], "word_float", to=TensorProto.FLOAT)
        graph.op("Gather", [graph.const("scales", scale.astype(np.float32)), "input_ids"], "word_scale")
        graph.op("Mul", ["word_float", "word_scale"], "word")
    else:
        graph.op("Gather", [graph.const("words", words), "input_ids"], "word")
    type_row = graph.state[prefix + "token_type_embeddings.weight"][0]
    graph.const("positions", graph.state[prefix + "position_embeddings.weight"] + type_row)
    graph.op("Shape", ["input_ids"], "shape")
    graph.op("Gather", ["shape", graph.const("second", np.array([1]))], "tokens")
    graph.op("Slice", ["positions", graph.const("zero", np.array([0])), "tokens", "zero"], "position")
    graph.op("Add", ["word", "position"], "embedded")
    norm = [graph.const(f"e.{p}", graph.state[f"{prefix}LayerNorm.{p}"]) for p in ("weight", "bias")]
    return graph.op("LayerNormalization", ["embedded", *norm], "h0", axis=-1, epsilon=epsilon)


def _layer(graph: _Graph, layer: int, hidden: str, heads: int, epsilon: float) -> str:
    """One transformer layer; returns the name of its output."""
    name = f"l{layer}"

    def weight(part: str) -> np.ndarray:
        return graph.state[f"encoder.encoder.layer.{layer}.{part}.weight"]

    def bias(part: str) -> np.ndarray:
        return graph.state[f"encoder.encoder.layer.{layer}.{part}.bias"]

    def norm(part: str, branch: str, skip: str, branch_bias: np.ndarray, out: str) -> str:
        parts = [("g", weight(part)), ("s", bias(part)), ("b", branch_bias)]
        inputs = [branch, skip, *(graph.const(f"{out}.{key}", value) for key, value in parts)]
        return graph.op("SkipLayerNormalization", inputs, out, _CONTRIB, epsilon=epsilon)

    attended = _attention(graph, name, hidden, heads, weight, bias)
    graph.matmul(attended, weight("attention.output.dense").T, f"{name}.ao")
    middle = norm("attention.output.LayerNorm", f"{name}.ao", hidden, bias("attention.output.dense"), f"{name}.mid")
    graph.matmul(graph.smoothed(middle, f"{name}.fi"), weight("intermediate.dense").T, f"{name}.fi")
    offset = graph.const(f"{name}.fi.b", bias("intermediate.dense"))
    graph.op("BiasGelu", [f"{name}.fi", offset], f"{name}.act", _CONTRIB)
    graph.matmul(graph.smoothed(f"{name}.act", f"{name}.fo"), weight("output.dense").T, f"{name}.fo")
    return norm("output.LayerNorm", f"{name}.fo", middle, bias("output.dense"), f"{name}.out")


def _attention(graph: _Graph, name: str, hidden: str, heads: int, weight: _Part, bias: _Part) -> str:
    """The fused attention node. What the output map reads is linear in the values, so its factors go into theirs."""
    parts = [f"attention.self.{part}" for part in ("query", "key", "value")]
    weights, biases = [weight(p).T for p in parts], [bias(p) for p in parts]
    if f"{name}.ao" in graph.factors:
        weights[2], biases[2] = weights[2] / graph.factors[f"{name}.ao"], biases[2] / graph.factors[f"{name}.ao"]
    joined = np.concatenate(weights, axis=1)
    if f"{name}.att" in graph.factors:
        joined = joined * graph.factors[f"{name}.att"][:, None]
    inputs = [
        graph.smoothed(hidden, f"{name}.att"),
        graph.const(f"{name}.att.w", joined.astype(np.float32)),
        graph.const(f"{name}.att.b", np.concatenate(biases).astype(np.float32)),
        "lengths",
    ]
    return graph.op("Attention", inputs, f"{name}.att", _CONTRIB, num_heads=heads)


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
    """How to bring the weights to eight bits.

    Attributes:
        name: as the model card gives it.
        seven: the kinds of node whose weights take seven bits only: a CPU without VNNI adds pairs of products in
            sixteen bits and saturates where weights and activations are large together.
        float_every: the feed-forward output of each so many layers, the first included, stays in float32; what it
            reads is the hardest to round. 0 keeps none.
    """

    name: str
    seven: tuple[str, ...] = ("ao",)
    float_every: int = 0

    def floats(self, layers: int) -> set[str]:
        """The nodes kept in float32."""
        return {f"l{i}.fo" for i in range(0, layers, self.float_every)} if self.float_every else set()


NODES = ("att", "ao", "fi", "fo")  # attention with its three maps, its output map, the two maps of the feed-forward
RECIPES = (Recipe("八位"), Recipe("八位，隔层的前馈输出留 fp32", float_every=2))


def export_int8(model: HeadedEncoder, file: Path, recipe: Recipe, factors: Factors | None = None) -> None:
    """Writes the eight-bit ONNX file by ``recipe``; heads and pooling stay in float32, they are small."""
    proto = build_graph(model, eight_bit_embeddings=True, factors=factors)
    layers = model.encoder.config.num_hidden_layers
    floats = recipe.floats(layers)
    for seven in (False, True):
        kinds = [kind for kind in NODES if (kind in recipe.seven) == seven]
        nodes = [name for i in range(layers) for kind in kinds if (name := f"l{i}.{kind}") not in floats]
        proto = _quantise(proto, nodes, seven, file)
    onnx.save(proto, file)


def _quantise(proto: onnx.ModelProto, nodes: list[str], seven: bool, file: Path) -> onnx.ModelProto:
    part = file.with_suffix(".part")
    quantize_dynamic(
        proto, part, nodes_to_quantize=nodes, per_channel=True, reduce_range=seven, weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": TensorProto.FLOAT},
    )  # fmt: skip
    quantised = onnx.load(part)
    part.unlink()
    return quantised
