"""A trainer labels from the keyboard; two do not see each other's answers; files go out and come in."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import delete, select

from api.columns import utcnow
from api.curation.models import CurationItem
from tests.console.conftest import Console

Sit = Callable[..., Page]
CLASSES = [("城乡建设", "路灯照明", 0.4), ("环境保护", "噪音污染", 0.3), ("政法", "社会治安", 0.1)]


def put(console: Console, text: str, rank: int, pair: bool = False) -> int:
    """Adds an item as gathering would."""
    item = CurationItem(
        origin=f"case:{text}"[:40],
        text=text,
        suggestion={
            "kind": "民生诉求", "category": "城乡建设", "subcategory": "路灯照明", "urgency": "一般",
            "confidence": {"category": 0.4}, "model_version": "x",
        },
        candidates=[{"category": a, "subcategory": b, "probability": p} for a, b, p in CLASSES],
        reasons=["unsure"],
        pair=pair,
        embedding=b"",
        embedded_by="x",
        rank=rank,
        created_at=utcnow(),
    )  # fmt: skip
    with console.sessions.begin() as db:
        db.add(item)
    return item.id


@pytest.fixture(autouse=True)
def _empty(console: Console) -> Iterator[None]:
    yield
    with console.sessions.begin() as db:
        for item in db.scalars(select(CurationItem)):
            db.delete(item)
        db.execute(delete(CurationItem))


def label_of(console: Console, item_id: int) -> dict[str, str] | None:
    with console.sessions() as db:
        return db.get_one(CurationItem, item_id).label


def test_labelling_takes_no_mouse(sit: Sit, console: Console) -> None:
    first = put(console, "半夜音响太吵，〔姓名〕家 <b>不听劝</b>", 0)
    second = put(console, "你好呀随便问问", 1)
    put(console, "第三条放着", 2)
    page = sit("trainer", "/curation")
    told = page.locator(".told")
    expect(told).to_have_text("半夜音响太吵，〔姓名〕家 <b>不听劝</b>")
    page.keyboard.press("2")
    expect(page.locator(".so-far")).to_contain_text("环境保护 / 噪音污染")
    page.keyboard.press("w")
    expect(page.locator(".so-far")).to_contain_text("紧急")
    page.keyboard.press("a")
    expect(page.locator(".so-far")).to_contain_text("民生诉求")
    page.keyboard.press("Enter")
    expect(told).to_have_text("你好呀随便问问")
    assert label_of(console, first) == {
        "kind": "民生诉求", "category": "环境保护", "subcategory": "噪音污染", "urgency": "紧急",
    }  # fmt: skip
    page.keyboard.press("n")
    expect(page.locator(".so-far")).to_contain_text("非诉求")
    page.keyboard.press("Enter")
    expect(told).to_have_text("第三条放着")
    assert label_of(console, second) == {"other": "非诉求"}
    page.keyboard.press("u")
    expect(told).to_have_text("你好呀随便问问")
    assert label_of(console, second) is None
    page.keyboard.press("x")
    expect(told).to_have_text("第三条放着")
    page.keyboard.press("Enter")
    expect(page.get_by_text("没有这个一级分类")).to_be_visible()


def test_any_class_is_found_by_its_name(sit: Sit, console: Console) -> None:
    item = put(console, "水管冻裂了", 0)
    page = sit("trainer", "/curation")
    expect(page.locator(".told")).to_have_text("水管冻裂了")
    page.keyboard.press("/")
    page.keyboard.type("供水")
    page.get_by_role("option", name="供水").first.click()
    expect(page.locator(".so-far")).to_contain_text("供水")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("没有要您标的了")).to_be_visible()
    label = label_of(console, item)
    assert label is not None
    assert "供水" in label["subcategory"]


def test_two_persons_do_not_see_each_other_and_files_go_out_and_in(sit: Sit, console: Console, tmp_path: Path) -> None:
    item = put(console, "巷子里那几盏灯总是不亮", 0, pair=True)
    page = sit("trainer", "/curation")
    expect(page.get_by_text("两人各标").first).to_be_visible()
    page.get_by_placeholder("写一句").fill("像是路灯")
    page.keyboard.press("Enter")
    expect(page.locator(".remarks")).to_contain_text("像是路灯")
    page.locator(".told").click()
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("没有要您标的了")).to_be_visible()
    other = sit("trainer2", "/curation")
    expect(other.locator(".told")).to_have_text("巷子里那几盏灯总是不亮")
    expect(other.locator(".remarks")).not_to_contain_text("路灯")
    file = tmp_path / "答案.csv"
    rows = f"id,category,subcategory,kind,urgency\n{item},城乡建设,路灯照明,民生诉求,一般\n{item},没有,没有,没有,没有\n"
    file.write_text(rows, "utf-8")
    with other.expect_file_chooser() as chooser:
        other.get_by_role("button", name="选文件").click()
    chooser.value.set_files(file)
    expect(other.locator(".refused")).to_contain_text("第 3 行")
    expect(other.get_by_text("没有要您标的了")).to_be_visible()
    with other.expect_download() as download:
        other.get_by_role("button", name="补丁").click()
    assert "+路灯照明,民生诉求,一般,巷子里那几盏灯总是不亮" in Path(download.value.path()).read_text("utf-8")
