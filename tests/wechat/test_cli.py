"""``laoxian wechat``: what the administrator runs, and reads when something is wrong."""

import pytest
from typer.testing import CliRunner

from api.chat.lines import LinesError, read_lines
from api.cli import app
from api.settings import REPO, get_settings
from api.wechat.lines import WechatLines
from tests.wechat.conftest import FakeWechat

FILE = REPO / "nlu_data" / "wechat.yml"


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["wechat", *words])
    return result.exit_code, result.output


def test_the_menu_is_published(wechat_api: FakeWechat) -> None:
    code, said = run("menu")
    assert code == 0, said
    assert "已发布" in said
    (menu,) = wechat_api.menus
    assert [one["name"] for one in menu["button"]] == ["我要反映", "查进度", "转人工"]
    assert {one["type"] for one in menu["button"]} == {"click"}


def test_the_menu_can_be_looked_at_only(wechat_api: FakeWechat) -> None:
    code, said = run("menu", "--show")
    assert (code, wechat_api.menus) == (0, [])
    assert "转人工：相当于说“人工服务”" in said


def test_check_asks_for_a_token(wechat_api: FakeWechat) -> None:
    assert run("check") == (0, "设置齐全，微信认得这个公众号\n")
    assert wechat_api.fetched == 1


@pytest.mark.parametrize(("code", "words"), [(40164, "IP 白名单"), (40125, "LAOXIAN_WECHAT_SECRET"), (99, "错误码 99")])
def test_a_refusal_says_what_to_do(wechat_api: FakeWechat, code: int, words: str) -> None:
    wechat_api.errors = [("stable_token", code)]
    exit_code, said = run("check")
    assert exit_code == 1
    assert words in said


def test_a_menu_that_the_account_may_not_have(wechat_api: FakeWechat) -> None:
    wechat_api.errors = [("menu/create", 48001)]
    exit_code, said = run("menu")
    assert exit_code == 1
    assert "已认证" in said


def test_no_answer_is_said_without_the_secret(wechat_api: FakeWechat) -> None:
    wechat_api.down()
    exit_code, said = run("check")
    assert exit_code == 1
    assert "连不上" in said
    assert "secret" not in said


def test_off_is_said(wechat_api: FakeWechat, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN", "APP_ID", "SECRET", "AES_KEY"):
        monkeypatch.setenv(f"LAOXIAN_WECHAT_{name}", "")
    get_settings.cache_clear()
    exit_code, said = run("check")
    assert exit_code == 1
    assert "没有接微信公众号" in said


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("privacy:", "privat:", "privacy"),
        ("  other:", "  others:", "unsupported"),
        ("{case_no}", "{caseno}", "templates"),
        ("name: 我要反映,", "name: 我要反映问题,", "menu.0.name"),
        ("greeting: |-", "greeting: [", ""),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path, old: str, new: str, names: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "wechat.yml"
    text = FILE.read_text(encoding="utf-8")
    # The name that a template uses, not the one that the comment explains.
    head, tail = text.split("templates:", 1) if old == "{case_no}" else ("", text)
    path.write_text(head + ("templates:" if head else "") + tail.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(LinesError, match=f"wechat.yml: {names}"):
        read_lines(path, WechatLines)
