"""Where a message happens: the district's names in residents' spelling."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.places import PlaceResolver

NLU_DATA = Path(__file__).resolve().parents[2] / "nlu_data"
PLACES = PlaceResolver.load(NLU_DATA)


@pytest.mark.parametrize(
    ("text", "street", "community"),
    [
        ("中韩街道枯桃社区", "中韩街道", "枯桃社区"),
        ("枣行社区95号楼", "北宅街道", "枣行社区"),
        ("王哥庄晓望村口的仓库在冒烟", "王哥庄街道", "晓望社区"),
        ("沙子口街道段家埠社區", "沙子口街道", "段家埠社区"),
        ("公司注册在金家岭", "金家岭街道", None),
        ("沙子口街道沙子口社区", "沙子口街道", "沙子口社区"),
        ("丽达广场门口有人摆摊", "金家岭街道", None),
        ("不是五龙社区，是凉泉社区", "北宅街道", "凉泉社区"),
        ("鲁信长春花园3号楼", "金家岭街道", "鲁信长春社区"),
        ("张村那边，郑张社区", "中韩街道", "郑张社区"),
        ("小麦岛公园门口黄牛太多", "金家岭街道", None),
        ("市博物馆南门公交站牌倒了", "金家岭街道", None),
        ("海尔路178号裕龙大厦外墙掉砖", "金家岭街道", None),
        ("海尔路1号门口堵车", "中韩街道", None),
        ("科苑伟一路国际创新园停电", "中韩街道", None),
        ("张村河边上新铺的步道裂了", "中韩街道", None),
        ("枯桃小学门口没有斑马线", "中韩街道", None),
        ("海大崂山校区北门烧烤摊", "沙子口街道", None),
        ("登瀛地铁站没有路灯", "沙子口街道", None),
        ("晓望水库边上有人倒垃圾", "王哥庄街道", "晓望社区"),
        ("青山渔村民宿乱收费", "王哥庄街道", "青山社区"),
        ("华楼宫进山的路塌了", "北宅街道", None),
        ("于哥庄停水两天了", "沙子口街道", "于戈庄社区"),
        ("沙子囗街道没人接电话", "沙子口街道", None),
        ("王格庄大集占道", "王哥庄街道", None),
    ],
)
def test_names_are_resolved(text: str, street: str, community: str | None):
    place = PLACES.resolve(text)
    assert (place.street, place.community) == (street, community)


@pytest.mark.parametrize(
    "text", ["小区门口垃圾桶没人收", "我们小区的路灯坏了", "路上有个大坑", "这条路没法走", "楼下烧烤摊", ""]
)
def test_everyday_words_are_no_place(text: str):
    assert PLACES.resolve(text).text == ""


@pytest.mark.parametrize("text", ["书院路太堵", "黄山的门票", "过了大桥右转", "我乐意等", "老朱家娃哭了一夜"])
def test_names_that_are_also_words_do_not_catch(text: str):
    assert PLACES.resolve(text).community is None


def test_a_name_of_several_places_gives_candidates():
    place = PLACES.resolve("张村")
    assert place.community is None
    assert {"street": "中韩街道", "community": "郑张社区"} in place.candidates


def test_a_road_through_two_streets_gives_both_until_one_is_named():
    place = PLACES.resolve("海尔路有个坑")
    assert [one["street"] for one in place.candidates] == ["金家岭街道", "中韩街道"]
    assert PLACES.resolve("中韩街道海尔路有个坑").street == "中韩街道"


def test_villages_of_one_name_give_the_street_and_their_list():
    place = PLACES.resolve("姜哥庄的码头")
    assert place.street == "沙子口街道"
    assert len(place.candidates) == 4


def test_another_district_is_outside_unless_a_place_here_is_named_too():
    assert PLACES.resolve("我在市北区台东").outside
    assert not PLACES.resolve("我家住李沧区但是店在中韩").outside


@pytest.mark.parametrize(("text", "precise"), [("北宅", False), ("北宅街道五龙社区", True), ("中韩同安路路口", True)])
def test_precise_enough_to_go_there(text: str, precise: bool):
    assert PLACES.resolve(text).precise is precise


def test_all_streets_and_communities_are_there():
    names = (NLU_DATA / "places" / "communities.csv").read_text(encoding="utf-8")
    assert names.count("社区,") + names.count("村,") >= 161


def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path):
    (tmp_path / "places").mkdir()
    for name in ("streets", "communities", "landmarks", "outside"):
        text = (NLU_DATA / "places" / f"{name}.csv").read_text(encoding="utf-8")
        (tmp_path / "places" / f"{name}.csv").write_text(text, encoding="utf-8")
    bad = tmp_path / "places" / "landmarks.csv"
    bad.write_text(bad.read_text(encoding="utf-8") + "某地,没有的街道,,\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"landmarks\.csv:\d+：没有这个街道"):
        PlaceResolver.load(tmp_path)


@given(st.text(max_size=300))
def test_any_text_is_answered(text: str):
    place = PLACES.resolve(text)
    assert place.community is None or place.street is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("枯桃社区门口路灯坏了", "枯桃社区门口"),
        ("枯桃社区小广告贴满楼道", "枯桃社区"),
        ("枯桃社区的楼顶漏水", "枯桃社区"),
        ("晓望社区村口的桥栏杆断了", "晓望社区村口"),
        ("枯桃社区公交站牌倒了", "枯桃社区"),
        ("港东社区村民王德顺反映河水发臭", "港东社区"),
        ("枯桃小学门口那条路上的井盖昨天夜里让大车压碎了", "枯桃小学门口那条路"),
        ("枯桃社区3号楼2单元501室漏水", "枯桃社区3号楼2单元501室"),
    ],
)
def test_a_place_ends_before_what_is_wrong_there(text, words):
    assert PLACES.resolve(text).text == words


@pytest.mark.parametrize("text", ["这破路什么时候修", "这段烂路坑坑洼洼"])
def test_a_road_without_a_name_is_no_place(text):
    assert PLACES.resolve(text).text == ""


@pytest.mark.parametrize(
    ("text", "street", "community"),
    [
        ("惠都小区3栋", "金家岭街道", "惠都社区"),
        ("瑞都小区门口", "金家岭街道", "瑞都社区"),
        ("海都小区", "金家岭街道", "海都社区"),
        ("康城小区地下车库", "金家岭街道", "康城社区"),
        ("颐都花园二期", "金家岭街道", "颐都社区"),
        ("锦园新村12号", "金家岭街道", "锦园社区"),
        ("枯桃家园东门", "中韩街道", "枯桃社区"),
        ("东城国际公寓停电", "金家岭街道", "东城国际社区"),
        ("晓旺村", "王哥庄街道", "晓望社区"),
        ("书香门弟", "金家岭街道", "书香门第社区"),
        ("北宅华阳", "北宅街道", "华阳社区"),
        ("北宅街道华阳有人烧秸秆", "北宅街道", "华阳社区"),
        ("王哥庄的西山村口", "王哥庄街道", "西山社区"),
        ("北宅 我乐", "北宅街道", "我乐社区"),
        ("青大附院东院急诊门口", "金家岭街道", None),
        ("极地海洋馆门口", "金家岭街道", None),
        ("金岭片区", "金家岭街道", None),
        ("仰口路", "王哥庄街道", None),
        ("北九水路口", "北宅街道", None),
        ("沙子口不属北宅", "沙子口街道", None),
        ("我家不属于北宅，是沙子口的", "沙子口街道", None),
    ],
)
def test_names_as_strangers_wrote_them(text: str, street: str, community: str | None):
    place = PLACES.resolve(text)
    assert (place.street, place.community) == (street, community)


@pytest.mark.parametrize(
    "text",
    [
        "荷花开得正好没人管",
        "黄山门票太贵了",
        "大桥上堵了一个小时",
        "老张家小孩掉沟里了",
        "坐过站了司机不给停",
        "山海关的火车晚点",
        "听海浪的声音睡不着",
        "华阳的灯具质量不好",
        "我乐得清静",
        "康城牌的奶粉过期了",
        "会场空调不冷",
        "书院老师补课收费",
        "龙泉剑买到假货",
        "青山绿水都被挖没了",
        "坐城阳的同事车上班",
        "城市北边的路灯不亮",
        "东台西台都没人值班",
        "卧龙锅炉厂家不给保修",
        "花园里的草没人剪",
        "第二个孩子没学上",
        "西边那个垃圾桶满了",
    ],
)
def test_ordinary_sentences_name_no_place_here(text: str):
    place = PLACES.resolve(text)
    assert (place.text, place.street, place.community, place.outside) == ("", None, None, False)


@pytest.mark.parametrize("text", ["老王家小区门口的树倒了", "老张家小区里养了三只狗", "何家小区是哪个我不知道"])
def test_an_estate_of_a_family_is_in_no_community(text: str):
    assert PLACES.resolve(text).street is None


@pytest.mark.parametrize(
    "text", ["王哥庄大桥断了", "北宅北头没路灯", "北宅华阳路坑洼", "沙子口大石头挡路", "北宅大崂观"]
)
def test_a_word_after_a_street_stays_a_word(text: str):
    place = PLACES.resolve(text)
    assert place.street
    assert place.community is None


def test_between_two_communities_both_may_be_meant():
    place = PLACES.resolve("宋家下庄和张家下庄中间那条路")
    assert (place.street, place.community) == ("中韩街道", None)
    assert [one["community"] for one in place.candidates] == ["宋家下庄社区", "张家下庄社区"]
    assert PLACES.resolve("从宋家下庄到张家下庄，张家下庄中间那条路").community == "张家下庄社区"


@pytest.mark.parametrize("text", ["市北台东步行街", "城阳流亭机场附近", "市南区八大关", "李沧李村大集", "市南五四广场"])
def test_a_place_of_another_district_is_outside(text: str):
    assert PLACES.resolve(text).outside
