"""``laoxian wechat``: for the administrator who connects the account."""

from collections.abc import Callable
from typing import Annotated

import typer
from redis.exceptions import RedisError
from rich.console import Console

from api.settings import SettingsError
from api.wechat.client import ApiError, MisconfiguredError, UnreachableError, WechatApi, wechat_api
from api.wechat.config import wechat_config
from api.wechat.lines import wechat_lines

app = typer.Typer(no_args_is_help=True, help="微信公众号：检查设置、发布菜单")
console = Console()

_REASONS = {
    40013: "AppID 不对：请核对 LAOXIAN_WECHAT_APP_ID",
    40125: "AppSecret 不对：请核对 LAOXIAN_WECHAT_SECRET",
    40243: "AppSecret 已冻结：请到公众号后台解冻",
    40164: "这台服务器的出口 IP 不在白名单里：请到公众号后台“基本配置 → IP 白名单”加上",
    48001: "这个公众号没有这项接口权限：自定义菜单和客服消息要已认证的公众号",
}


@app.command()
def check() -> None:
    """核对设置，并真的向微信要一次访问令牌。"""
    _api_or_exit(lambda api: api.token())
    console.print("设置齐全，微信认得这个公众号")


@app.command()
def menu(show: Annotated[bool, typer.Option("--show", help="只显示，不发布")] = False) -> None:
    """把 nlu_data/wechat.yml 里的菜单发布到公众号。"""
    buttons = [{"type": "click", "name": one.name, "key": one.key} for one in wechat_lines().menu]
    for one in wechat_lines().menu:
        console.print(f"{one.name}：相当于说“{one.says}”", highlight=False)
    if not show:
        _api_or_exit(lambda api: api.publish_menu(buttons))
        console.print("菜单已发布，居民重新进入公众号就能看到（最迟 24 小时）")


def _api_or_exit(do: Callable[[WechatApi], object]) -> None:
    try:
        config = wechat_config()
        if config is None:
            raise SettingsError("没有接微信公众号：先设好 LAOXIAN_WECHAT_TOKEN、_APP_ID、_SECRET（见 docs/wechat.md）")
        do(wechat_api(config))
    except SettingsError as error:
        reason = str(error)
    except (ApiError, MisconfiguredError) as error:
        reason = _REASONS.get(error.code, f"微信拒绝了，错误码 {error.code}：{error.hint}")
    except UnreachableError as error:
        reason = f"连不上微信接口（{error}）：请检查服务器能不能访问 LAOXIAN_WECHAT_API_URL"
    except RedisError:
        reason = "连不上 Redis：访问令牌存在那里，请先启动服务或设好 LAOXIAN_REDIS_URL"
    else:
        return
    typer.echo(reason, err=True)
    raise typer.Exit(1)
