"""The encoder's windows and its refusal of broken folders."""

import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from classifier.encoder import Encoder, ModelError, clip, windows
from classifier.text import normalise

MODEL = Path(__file__).resolve().parents[2] / "models" / "triage" / "default"


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load(MODEL)


def test_clip_keeps_head_and_tail() -> None:
    ids = list(range(30))
    assert clip(ids, 30) == ids
    assert clip(ids, 9) == [0, 1, 2, 3, 4, 5, 27, 28, 29]


def test_windows_cover_a_long_text_and_all_begin_with_its_opening() -> None:
    ids = list(range(100))
    assert windows(ids[:20], 20, 4) == [ids[:20]]
    parts = windows(ids, 20, 9)
    assert {one for part in parts for one in part} == set(ids)
    assert all(len(part) <= 20 and part[:4] == [0, 1, 2, 3] and part[-1] == 99 for part in parts)
    few = windows(ids, 20, 2)
    assert len(few) == 2
    assert few[0][:19] == ids[:19]
    assert few[1][-15:] == ids[-15:]


def test_outputs_of_a_text_in_windows_are_the_mean_over_them(tmp_path: Path) -> None:
    for file in ("model.onnx", "tokenizer.json", "labels.json"):
        (tmp_path / file).write_bytes((MODEL / file).read_bytes())
    labels = json.loads((tmp_path / "labels.json").read_text("utf-8"))
    (tmp_path / "labels.json").write_text(json.dumps(labels | {"windows": 3, "max_tokens": 16}), "utf-8")
    encoder = Encoder.load(tmp_path)
    long = "小区路灯坏了没人修，物业说要等业委会开会，业委会说归物业管，推来推去半年了，老人晚上不敢下楼"
    ids = windows(Tokenizer.from_file(str(MODEL / "tokenizer.json")).encode(normalise(long)).ids, 16, 3)
    assert len(ids) == 3
    found = encoder.run(["停水", long])["category"]
    single = np.mean([encoder._run([part])[1 + list(encoder.heads).index("category")][0] for part in ids], axis=0)
    np.testing.assert_allclose(found[1], single, atol=0.15)  # eight bits scale with the batch
    assert found.shape == (2, 15)


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


def test_a_remembering_encoder_gives_the_same_answers_and_runs_once_for_a_text() -> None:
    fresh, kept, runs = Encoder.load(MODEL), Encoder.load(MODEL), []
    kept.remember(2)
    forward = kept._forward
    kept._forward = lambda ids: runs.append(1) or forward(ids)  # type: ignore[method-assign]
    for _ in range(2):
        np.testing.assert_array_equal(kept.embed(["路灯坏了"]), fresh.embed(["路灯坏了"]))
        np.testing.assert_array_equal(
            kept.encode(["路灯坏了"]).logits["kind"], fresh.encode(["路灯坏了"]).logits["kind"]
        )
    assert len(runs) == 1


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
