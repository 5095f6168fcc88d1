"""Bad rows are refused, each by file and line."""

from pathlib import Path

import pytest

from classifier.taxonomy import Taxonomy, load_taxonomy

pytest.importorskip("sklearn", reason="训练环境没有装（make train-env）")

from training.data import DataError, check_classes, load_appeals, load_table

NLU_DATA = Path(__file__).resolve().parents[2] / "nlu_data"
HEADER = "subcategory,kind,urgency,text\n"


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return load_taxonomy(NLU_DATA)


def test_the_repo_data_is_sound_and_enough(taxonomy: Taxonomy) -> None:
    examples = load_appeals(NLU_DATA / "appeals", taxonomy)
    assert len(examples) >= 3500
    assert {e.labels["category"] for e in examples if "category" in e.labels} == set(taxonomy.categories)


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ("路灯照明,民生诉求,一般,", "文字为空"),
        ("路灯,民生诉求,一般,灯坏了", "没有二级分类“路灯”"),
        ("路灯照明,民生,一般,灯坏了", "民生"),
        ("路灯照明,民生诉求,急,灯坏了", "急"),
        ("路灯照明,民生诉求,一般,灯坏了,多一列", "列数不对"),
        ("路灯照明,民生诉求,一般", "列数不对"),
        ("路灯照明,民生诉求,一般,路灯不亮", "文字相同"),
    ],
)
def test_a_bad_row_is_named_by_line(tmp_path: Path, taxonomy: Taxonomy, row: str, word: str) -> None:
    file = tmp_path / "城乡建设.csv"
    file.write_text(f"{HEADER}路灯照明,民生诉求,一般,路灯不亮\n{row}\n", "utf-8")
    with pytest.raises(DataError, match=word) as caught:
        load_appeals(tmp_path, taxonomy)
    assert caught.value.problems[0].startswith(f"{file}:3: ")


def test_every_bad_row_is_listed_at_once(tmp_path: Path, taxonomy: Taxonomy) -> None:
    (tmp_path / "城乡建设.csv").write_text(HEADER + "无,民生诉求,一般,甲\n无,民生诉求,一般,乙\n", "utf-8")
    (tmp_path / "未知.csv").write_text(HEADER + "路灯照明,民生诉求,一般,丙\n", "utf-8")
    with pytest.raises(DataError) as caught:
        load_appeals(tmp_path, taxonomy)
    assert len(caught.value.problems) == 3
    assert "缺少列 category" in caught.value.problems[-1]


def test_not_an_appeal_trains_one_head_only(tmp_path: Path, taxonomy: Taxonomy) -> None:
    (tmp_path / "_非诉求.csv").write_text("text\n你好\n", "utf-8")
    (tmp_path / "城乡建设.csv").write_text(HEADER + "路灯照明,民生诉求,一般,路灯不亮\n", "utf-8")
    plain, appeal = load_appeals(tmp_path, taxonomy)
    assert plain.labels == {"appeal": "非诉求"}
    assert appeal.labels == {
        "kind": "民生诉求", "category": "城乡建设", "subcategory": "城乡建设/路灯照明", "urgency": "一般",
        "department": "区城市管理局", "appeal": "诉求",
    }  # fmt: skip


def test_a_table_in_gb18030_with_two_text_columns(tmp_path: Path) -> None:
    file = tmp_path / "表.csv"
    file.write_bytes('title,detail,label\n路灯,"坏了,没人修\n三天了",建设\n工资,,劳动\n'.encode("gb18030"))
    rows = load_table(file, ["title", "detail"], ["label"])
    assert [row.text for row in rows] == ["路灯。坏了,没人修\n三天了", "工资"]
    assert [row.labels["label"] for row in rows] == ["建设", "劳动"]


def test_a_missing_column_names_those_there_are(tmp_path: Path) -> None:
    file = tmp_path / "表.csv"
    file.write_text("标题,label\n路灯,建设\n", "utf-8")
    with pytest.raises(DataError, match="缺少列 title；表里有：标题、label"):
        load_table(file, ["title"], ["label"])


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "表.csv"
    file.write_bytes(b"text,label\n\xff\xff\xff,\x80\n")
    with pytest.raises(DataError, match="既不是 UTF-8 也不是 GB18030"):
        load_table(file, ["text"], ["label"])


def test_classes_of_one_row_are_named(tmp_path: Path) -> None:
    file = tmp_path / "表.csv"
    file.write_text("text,label\n路灯,建设\n井盖,建设\n工资,劳动\n", "utf-8")
    with pytest.raises(DataError, match=r"表\.csv:4: label 的类别“劳动”只有一行"):
        check_classes(load_table(file, ["text"], ["label"]), ["label"], file)
