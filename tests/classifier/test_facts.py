"""Phones, names and anonymity as residents write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.facts import find_facts, valid_phone
from classifier.text import is_pinyin


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


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("不是13800530101，是13900530102", "13900530102"),
        ("13900530102，不是13800530101", "13900530102"),
        ("电话写错了，不是13800530101是13900530102", "13900530102"),
        ("别打13800530101，打13900530102", "13900530102"),
    ],
)
def test_of_two_numbers_the_denied_one_is_left_out(text, phone):
    assert [fact.value for fact in find_facts(text) if fact.kind == "phone"] == [phone]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("叫我小李就行", "小李"),
        ("名字写错了，是李芳", "李芳"),
        ("名字错了应该叫王建国", "王建国"),
        ("我姓王不姓黄", "王"),
        ("不姓黄，姓王", "王"),
        ("不是刘女士是柳女士", "柳女士"),
        ("不是刘先生，是柳先生", "柳先生"),
    ],
)
def test_a_corrected_name_is_the_new_one(text, name):
    assert [fact.value for fact in find_facts(text) if fact.kind == "name"] == [name]


@pytest.mark.parametrize("text", ["不是路灯是井盖", "不是我家是王家", "不是电梯是高压线", "不姓张"])
def test_a_correction_of_something_else_is_no_name(text):
    assert [fact for fact in find_facts(text) if fact.kind == "name"] == []


@pytest.mark.parametrize("text", ["不匿名了 留电话", "不用匿名了", "我不想匿名了", "别匿名", "取消匿名"])
def test_who_takes_anonymity_back_does_not_ask_for_it(text):
    assert [fact for fact in find_facts(text) if fact.kind == "anonymous"] == []


@pytest.mark.parametrize("text", ["wo yao tou su", "xiao qu ting shui le", "xiaoquting shuile", "ni hao, wo yao tousu"])
def test_chinese_in_latin_letters_is_seen(text):
    assert is_pinyin(text)


@pytest.mark.parametrize("text", ["hello", "test test", "ok ok", "LX20261124-00012", "wo要投诉", "hahaha", ""])
def test_other_latin_letters_are_no_pinyin(text):
    assert not is_pinyin(text)
