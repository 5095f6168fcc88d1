"""The safety net: it may ask once too often, it must not miss."""

import csv
from pathlib import Path

import pytest

from classifier.safety import emergency_signal

DEV = Path(__file__).resolve().parents[2] / "nlu_data" / "appeals_dev" / "urgency.csv"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("着火了！王哥庄晓望村口的仓库在冒烟", "119"),
        ("我妈躺地上叫不醒", "120"),
        ("一股臭鸡蛋味头好晕", "119"),
        ("孩子卡在栏杆里了", "119"),
        ("水里有个人", "119"),
        ("他拿刀在门口", "110"),
        ("食堂吃完好多人吐", "120"),
        ("电线掉水里滋滋响", "110"),
        ("不想活了", "110"),
        ("俺娘早起叫不起来，手冰凉", "120"),
        ("爬山迷路了，天黑了，同伴腿摔断了", "119"),
        ("我奶奶走丢了，八十二了，有老年痴呆", "110"),
        ("井盖没了，刚才有个学生掉下去了，听见底下哭", "119"),
        ("两个小孩坐着充气鸭子越漂越远了", "119"),
        ("gas leak in my kitchen please help", "119"),
    ],
)
def test_danger_now_gives_the_number(text: str, number: str):
    signal = emergency_signal(text)
    assert signal is not None
    assert signal.number == number


@pytest.mark.parametrize(
    "text",
    [
        "气得要爆炸",
        "去年着过火",
        "建议配灭火器",
        "炸鸡店油烟太大",
        "停水急死人了",
        "消防通道被堵了",
        "跳楼价的衣服质量差",
        "建议多搞消防演练",
    ],
)
def test_figures_of_speech_past_and_advice_do_not(text: str):
    assert emergency_signal(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "跟你说一声吧，药我都摆桌上了，以后也没人烦我了，我那只猫麻烦你们给找个好人家",
        "对不起爸妈，下辈子再做你们的儿子",
        "活着真没意思，谁也不用管我",
        "没人需要我了，再见吧",
        "我欠了一屁股债，对不起老婆孩子，只有死了干净",
        "我老公走了以后我天天想跟他一块去",
        "药都吞下去了，别救我",
        "活着太累了，我把遗书写好了",
        "我妹发了个定位在海边，说替她照顾好爸妈",
        "孩子站楼顶了 劝不下来",
        "我是个没用的人，死了大家都轻松",
        "我在海边坐着，走进去就都结束了",
        "欠的钱这辈子还不完，昨天把房子也交了。我不想活了，上次那个接线的小姑娘声音好听，替我谢谢她",
        "老板不给钱我就从这塔吊上下去，你们看着办",
    ],
)
def test_somebody_about_to_harm_themselves_is_heard_whatever_else_they_tell(text: str):
    signal = emergency_signal(text)
    assert signal is not None
    assert signal.alone
    assert "轻生" in signal.reason


@pytest.mark.parametrize(
    "text", ["去年邻居喝农药走了，他家的地现在谁种", "孩子不想活动，体育课能请假吗", "听说前年有人割腕"]
)
def test_a_past_or_another_meaning_does_not_stand_alone(text: str):
    signal = emergency_signal(text)
    assert signal is None or not signal.alone


def test_recall_on_the_dev_set():
    """The net alone; the model catches what it lets through. See metrics.json for both together."""
    with DEV.open(encoding="utf-8") as file:
        urgent = [row["text"] for row in csv.DictReader(file) if row["urgency"] == "特急"]
    caught = sum(emergency_signal(text) is not None for text in urgent)
    assert caught / len(urgent) >= 0.55
