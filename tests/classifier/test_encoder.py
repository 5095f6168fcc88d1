"""The encoder's window and its refusal of broken folders."""

from pathlib import Path

import numpy as np
import pytest

from classifier.encoder import Encoder, ModelError, clip

MODEL = Path(__file__).resolve().parents[2] / "models" / "triage" / "default"


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load(MODEL)


def test_clip_keeps_head_and_tail() -> None:
    ids = list(range(30))
    assert clip(ids, 30) == ids
    assert clip(ids, 9) == [0, 1, 2, 3, 4, 5, 27, 28, 29]


def test_the_tokenizer_reads_chinese_by_pieces(encoder: Encoder) -> None:
    ids = encoder.token_ids("崂山区路灯坏了")
    assert ids[0] == 0
    assert ids[-1] == 2
    assert 3 not in ids  # no <unk>
    assert encoder.token_ids("崂山區路燈壞了") == ids  # traditional script reads as simplified


def test_a_long_text_fits_the_window(encoder: Encoder) -> None:
    assert len(encoder.token_ids("物业不管楼上漏水" * 500)) == encoder.max_tokens


def test_batches_give_what_single_runs_give(encoder: Encoder) -> None:
    texts = ["路灯不亮", "我妈躺地上叫不醒", "小区物业把电梯停了一个月不修，老人下不了楼，打电话没人接" * 3, "停水"]
    together = encoder.encode(texts)
    for i, text in enumerate(texts):
        alone = encoder.encode([text])
        for head, logits in together.logits.items():
            assert logits[i].argmax() == alone.logits[head][0].argmax()
        a, b = together.embedding[i], alone.embedding[0]
        assert float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) > 0.99  # eight bits scale with the batch


def test_embeddings_have_unit_length_and_know_what_is_alike(encoder: Encoder) -> None:
    vectors = encoder.embed(["楼上漏水没人管", "天花板滴水，楼上不修", "孩子上学学区怎么划"])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]


def test_no_texts_give_no_rows(encoder: Encoder) -> None:
    assert encoder.embed([]).shape == (0, encoder.labels["hidden"])


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "labels.json"])
def test_a_missing_or_broken_file_is_named(tmp_path: Path, name: str) -> None:
    for file in ("model.onnx", "tokenizer.json", "labels.json"):
        (tmp_path / file).write_bytes(b"{}" if file == name else (MODEL / file).read_bytes())
    with pytest.raises(ModelError, match=str(tmp_path)):
        Encoder.load(tmp_path).encode(["路灯"])
    (tmp_path / name).unlink()
    with pytest.raises(ModelError, match=name):
        Encoder.load(tmp_path)
