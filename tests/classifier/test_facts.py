"""Phones, names and anonymity as residents write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.facts import find_facts, valid_phone


def facts(text: str) -> dict[str, str]:
    return {fact.kind: fact.value for fact in find_facts(text)}


@pytest.mark.parametrize(
    "text",
    [
        "13800530101",
        "138 0053 0101",
        "138-0053-0101",
        "＋86 13800530101",
        "我电话一三八零零五三零一零一",
        "幺三八零零五三零幺零幺",
        "13800530101刘女士",
    ],
)
def test_a_phone_in_any_spelling(text: str):
    assert facts(text)["phone"] == "13800530101"


def test_landlines_count():
    assert facts("电话88997766")["phone"] == "88997766"
    assert facts("0532-88997766")["phone"] == "053288997766"


@pytest.mark.parametrize("text", ["1380053010", "电话是1380053", "手机号138005301011"])
def test_a_wrong_number_is_seen_as_wrong(text: str):
    assert "phone" not in facts(text)
    assert "bad_phone" in facts(text)


@pytest.mark.parametrize(
    "text",
    [
        "订单号20240501123456",
        "身份证370212199001011234",
        "松岭路238号3号楼",
        "两点半来的一共三四个人",
        "2026年11月24日",
    ],
)
def test_other_numbers_are_no_phones(text: str):
    assert not {"phone", "bad_phone"} & facts(text).keys()


@pytest.mark.parametrize(
    ("text", "name"),
    [("刘女士 13800530101", "刘女士"), ("我叫王建国", "王建国"), ("我姓王", "王"), ("联系人：王经理", "王经理")],
)
def test_names(text: str, name: str):
    assert facts(text)["name"] == name


@pytest.mark.parametrize("text", ["张师傅说明天来", "物业李经理态度很差", "王大妈摔倒了", "经理不管"])
def test_people_talked_about_are_not_the_reporter(text: str):
    assert "name" not in facts(text)


@pytest.mark.parametrize("text", ["匿名", "不想署名", "别让人知道是我举报的", "请为我保密"])
def test_anonymity(text: str):
    assert "anonymous" in facts(text)


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_every_mobile_number_is_found(number: str):
    assert facts(f"我的电话{number}，谢谢")["phone"] == number
    assert valid_phone(number)


@given(st.text(max_size=200))
def test_positions_lie_in_the_text(text: str):
    for fact in find_facts(text):
        assert 0 <= fact.start <= fact.end
