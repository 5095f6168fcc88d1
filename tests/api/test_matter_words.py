"""What is compared of two tellings of one matter."""

import pytest

from api.cases.matter_words import matter_words


@pytest.mark.parametrize(
    ("text", "matter"),
    [
        ("你好，我是中韩街道枯桃社区的，门口井盖碎了，我姓王，13805320001", "门口井盖碎了"),
        ("枯桃小学门口井盖碎了，晓望社区村民 王德顺 电话13512340001", "门口井盖碎了"),
        ("您好我想反映个问题，枯桃社区北门路灯不亮，谢谢", "北门路灯不亮"),
        ("自来水还是发黄", "自来水发黄"),
        ("发黄", "发黄"),
        ("我们住3号楼，电梯坏了", "我们住3号楼,电梯坏了"),
        ("投诉电话没人接", "投诉电话没人接"),
        ("我姓王，13805320001", "我姓王,13805320001"),
        ("枯桃社区", "枯桃社区"),
        ("", ""),
    ],
)
def test_the_matter_is_what_remains(text: str, matter: str) -> None:
    assert matter_words(text) == matter
