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


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("联系人周经理18663901122", "周经理"),
        ("联系人于明13512340001", "于明"),
        ("路灯坏了联系人于明 13512340001", "于明"),
        ("联系人：刘建军，电话13512340001", "刘建军"),
        ("联系人姓名王海燕", "王海燕"),
        ("请联系人是孙主任13512340001", "孙主任"),
        ("港东社区村民 王德顺 电话13512340001", "王德顺"),
        ("港东社区村民王德顺 13512340001", "王德顺"),
        ("枯桃社区业主张丽，手机13512340001", "张丽"),
        ("住户：赵国庆，联系电话13512340001", "赵国庆"),
        ("学生家长 陈红 13512340001", "陈红"),
        ("我是3号楼的李桂兰", "李桂兰"),
        ("我是3号楼的李桂兰，电话13512340001", "李桂兰"),
        ("我是惠都小区业主李桂兰", "李桂兰"),
        ("我是晓望社区的村民高玉芬 13512340001", "高玉芬"),
        ("我是六楼的张家辉。楼道灯坏了", "张家辉"),
        ("你好，我是枯桃社区的孙女士，路灯坏了", "孙女士"),
        ("反映人：苗青 13512340001", "苗青"),
    ],
)
def test_names_as_strangers_gave_them(text: str, name: str):
    assert facts(text)["name"] == name


@pytest.mark.parametrize(
    "text",
    [
        "联系人电话13512340001",
        "联系人方式13512340001",
        "联系人和电话都没有",
        "联系人金家岭街道办",
        "联系人是业主 13512340001",
        "业主 13512340001",
        "住户电话13512340001",
        "当事人 13512340001",
        "业主全体 13512340001",
        "住户应急电话13512340001",
        "村民王德顺把路堵了",
        "业主单位电话13512340001",
        "村民石老人社区 13512340001",
        "我是3号楼的业主",
        "我是3号楼的房东",
        "我是枯桃社区的常住居民",
        "我是工地的包工头",
        "我是这里的施工方",
        "我是单位的司机",
        "我是小区的管理员",
        "我是中韩街道的张村",
        "我是沙子口的于戈庄 13512340001",
        "我是王大爷的孙女",
        "我是海尔的司机，电话13512340001",
        "住户 谢谢 13512340001",
        "我是一楼的，马上要生了",
        "被举报人王经理 13512340001",
        "被投诉人张强电话13512340001",
        "房东张伟电话13512340001 不退押金",
    ],
)
def test_a_place_a_firm_or_a_title_is_no_name(text: str):
    assert "name" not in facts(text)
