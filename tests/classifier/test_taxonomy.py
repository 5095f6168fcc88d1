"""The rule files are read whole, and a mistake is named by file and line."""

from pathlib import Path

import pytest

from classifier.routing import Router
from classifier.taxonomy import RuleError, load_taxonomy

NLU_DATA = Path(__file__).resolve().parents[2] / "nlu_data"
DEPARTMENTS = (
    "departments:\n  - {name: 区一局, short: [一局], what: 甲}\n  - {name: 街道办事处, short: [街道], what: 乙}\n"
)
GOOD = (
    "甲类:\n"
    "  - {name: 一, kind: 民生诉求, urgency: 一般, level: 街道, lead: 街道办事处, co: [区一局], covers: 某}\n"
    "  - {name: 其他, kind: 民生诉求, urgency: 一般, level: 区, lead: 区一局, co: [], covers: 余}\n"
)


def _write(folder: Path, taxonomy: str, departments: str = DEPARTMENTS) -> Path:
    (folder / "taxonomy.yml").write_text(taxonomy, "utf-8")
    (folder / "departments.yml").write_text(departments, "utf-8")
    return folder


def test_the_repo_taxonomy_is_sound() -> None:
    taxonomy = load_taxonomy(NLU_DATA)
    assert len(taxonomy.categories) == 15
    assert len(taxonomy.pairs()) > 100
    assert all("其他" in taxonomy.subcategories(category) for category in taxonomy.categories)
    assert len(taxonomy.departments) >= 30


@pytest.mark.parametrize(
    ("old", "new", "line", "word"),
    [
        ("lead: 街道办事处", "lead: 无此局", 2, "无此局"),
        ("co: [区一局]", "co: [鬼局]", 2, "鬼局"),
        ("kind: 民生诉求, urgency: 一般, level: 区", "kind: 私事, urgency: 一般, level: 区", 3, "私事"),
        ("level: 区", "level: 市", 3, "市"),
        ("covers: 余", "cover: 余", 3, "covers"),
        ("name: 其他", "name: 一", 3, "重复"),
        ("name: 其他", "name: 二", 1, "其他"),
        ("甲类:\n", "甲类: [\n", 2, "YAML"),
    ],
)
def test_a_mistake_is_named_by_line(tmp_path: Path, old: str, new: str, line: int, word: str) -> None:
    folder = _write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(RuleError, match=word) as caught:
        load_taxonomy(folder)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"{folder / 'taxonomy.yml'}:{line}: ")


def test_a_department_named_twice_is_refused(tmp_path: Path) -> None:
    twice = DEPARTMENTS + "  - {name: 区一局, short: [], what: 丙}\n"
    with pytest.raises(RuleError, match=r"departments\.yml:4: .*重复"):
        load_taxonomy(_write(tmp_path, GOOD, twice))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"departments\.yml.*不存在"):
        load_taxonomy(tmp_path)


def test_the_table_speaks_before_the_head(tmp_path: Path) -> None:
    router = Router(load_taxonomy(_write(tmp_path, GOOD)))
    sure = {"区一局": 0.95, "街道办事处": 0.05}
    route = router.route("甲类", "一", sure, street=None, emergency=False)
    assert (route.department, route.level, route.co_departments) == ("街道办事处", "街道", ["区一局"])


def test_the_head_may_choose_for_other_only_when_sure(tmp_path: Path) -> None:
    router = Router(load_taxonomy(_write(tmp_path, GOOD)))
    assert router.route("甲类", "其他", {"街道办事处": 0.9}, None, False).department == "街道办事处"
    assert router.route("甲类", "其他", {"街道办事处": 0.5}, None, False).department == "区一局"
    assert router.route("甲类", "其他", {"外人": 0.99}, None, False).department == "区一局"


def test_the_street_office_gets_its_street_and_an_emergency_goes_to_the_district(tmp_path: Path) -> None:
    router = Router(load_taxonomy(_write(tmp_path, GOOD)))
    route = router.route("甲类", "一", {}, street="中韩街道", emergency=True)
    assert (route.department, route.level) == ("中韩街道办事处", "区")
