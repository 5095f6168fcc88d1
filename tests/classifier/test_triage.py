"""The shipped model answers as residents need: right classes on plain messages, emergencies first, honest doubt."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from classifier.cli import app
from classifier.encoder import ModelError
from classifier.taxonomy import KINDS, URGENCIES
from classifier.triage import Triager

REPO = Path(__file__).resolve().parents[2]
MODEL, NLU_DATA = REPO / "models" / "triage" / "default", REPO / "nlu_data"


@pytest.fixture(scope="module")
def triager() -> Triager:
    return Triager.load(MODEL, NLU_DATA)


@pytest.mark.parametrize(
    ("text", "category", "subcategory"),
    [
        ("我家门口的路灯坏了三天没人修", "城乡建设", "路灯照明"),
        ("老板欠我三个月工资不给", "劳动和社会保障", "拖欠工资"),
        ("半夜工地打桩吵得睡不着", "环境保护", "噪音污染"),
        ("外卖里吃出蟑螂", "卫生计生", "食品安全"),
        ("红绿灯坏了路口乱成一团", "政法", "交通管理"),
        ("快递丢了没人赔", "交通运输", "邮政快递"),
    ],
)
def test_plain_messages(triager: Triager, text: str, category: str, subcategory: str) -> None:
    found = triager.triage(text)
    assert (found.category, found.subcategory) == (category, subcategory)
    assert found.department == triager.taxonomy.entry(category, subcategory).lead


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("我妈躺地上叫不醒", "120"),
        ("满屋子煤气味，头晕得站不住", "119"),
        ("楼上着火了，浓烟往下灌", "119"),
        ("有人拿刀在小区里砍人", "110"),
        ("孩子掉进海里了快救人", "119"),
    ],
)
def test_emergencies(triager: Triager, text: str, number: str) -> None:
    found = triager.triage(text)
    assert found.emergency
    assert found.urgency == "特急"
    assert found.level == "区"
    assert found.emergency_number == number


@pytest.mark.parametrize("text", ["气得我要爆炸了，停车费又涨了", "去年我们楼着过火，建议给每层配灭火器", "路灯不亮"])
def test_words_that_mislead_make_no_emergency(triager: Triager, text: str) -> None:
    found = triager.triage(text)
    assert not found.emergency
    assert found.emergency_number is None


def test_the_answer_is_whole_and_plain_json(triager: Triager) -> None:
    found = triager.triage("社区居委会不给开证明", place="中韩街道东韩社区").as_dict()
    assert json.loads(json.dumps(found, ensure_ascii=False)) == found
    assert found["kind"] in KINDS
    assert found["urgency"] in URGENCIES
    assert set(found["confidence"]) == {"kind", "category", "subcategory", "urgency", "department"}
    assert all(0 <= value <= 1 for value in found["confidence"].values())
    assert len(found["candidates"]) == 5
    assert found["candidates"][0]["probability"] >= found["candidates"][1]["probability"]
    assert found["model_version"] == triager.encoder.version


def test_the_place_names_the_street_office(triager: Triager) -> None:
    assert triager.triage("居委会不给开证明", place="中韩街道东韩社区").department == "中韩街道办事处"


@pytest.mark.parametrize("text", ["嗯", "？？？", "asdf qwer", "😀😀", " "])
def test_what_says_nothing_goes_to_a_person(triager: Triager, text: str) -> None:
    assert triager.triage(text).needs_review


def test_threads_share_one_triager(triager: Triager) -> None:
    texts = ["路灯不亮", "拖欠工资", "外卖里有虫", "停水了"] * 8
    expected = [triager.triage(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(triager.triage, texts)) == expected


def test_the_explanation_names_the_words_that_decide(triager: Triager) -> None:
    words = triager.explain("你好我想反映一下老板拖欠工资")
    assert "".join(w["word"] for w in words) == "你好我想反映一下老板拖欠工资"
    assert max(words, key=lambda w: w["weight"])["word"] in ("工资", "拖欠", "老板", "拖欠工资")
    assert triager.explain("？？") == []


def test_a_model_that_knows_other_classes_is_refused(tmp_path: Path) -> None:
    for name in ("taxonomy.yml", "departments.yml"):
        text = (NLU_DATA / name).read_text("utf-8")
        (tmp_path / name).write_text(text.replace("name: 路灯照明", "name: 路灯"), "utf-8")
    with pytest.raises(ModelError, match="路灯照明"):
        Triager.load(MODEL, tmp_path)


def test_the_command_keeps_fields_reports_bad_lines_and_reads_gb18030(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    lines = [
        '{"id": 1, "text": "路灯不亮"}'.encode(),
        '{"id": 2, "text": "老板拖欠工资"}'.encode("gb18030"),
        b"{broken",
        b'{"id": 4, "text": "  "}',
        b"",
        b'["a list"]',
    ]
    source.write_bytes(b"\n".join(lines))
    done = CliRunner().invoke(app, ["triage", str(source), str(target)])
    assert done.exit_code == 1
    assert all(f"第 {n} 行" in done.output for n in (3, 4, 6))
    rows = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert [row["id"] for row in rows] == [1, 2]
    assert rows[1]["category"] == "劳动和社会保障"
    needed = {"kind", "category", "subcategory", "urgency", "department", "confidence", "needs_review"}
    assert needed <= set(rows[0])


def test_a_missing_input_or_model_is_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["triage", str(tmp_path / "none.jsonl"), str(tmp_path / "out.jsonl")])
    assert done.exit_code == 2
    (tmp_path / "in.jsonl").write_text('{"text": "路灯"}\n', "utf-8")
    options = [str(tmp_path / "in.jsonl"), str(tmp_path / "out.jsonl"), "--model", str(tmp_path)]
    done = CliRunner().invoke(app, ["triage", *options])
    assert done.exit_code == 2
    assert "缺少 model.onnx" in done.output.replace("\n", "")
