"""The settings of the channel, whole or not at all."""

from dataclasses import dataclass

from api.settings import Settings, SettingsError, get_settings


@dataclass(frozen=True)
class WechatConfig:
    """What the channel needs.

    Attributes:
        aes_key: the 43 characters of 安全模式; empty for 明文模式.
        api_url: where 微信 answers, without a slash at the end.
        templates: ids of the template messages ``news`` and ``reply``; empty ones are not sent.
    """

    token: str
    app_id: str
    secret: str
    aes_key: str
    api_url: str
    templates: dict[str, str]


def wechat_config() -> WechatConfig | None:
    """Returns the configuration, or None when the channel is off.

    Raises:
        SettingsError: when only a part of it is set; names what is missing.
    """
    return read_config(get_settings())


def read_config(settings: Settings) -> WechatConfig | None:
    """Returns the configuration that ``settings`` hold; as ``wechat_config``."""
    needed = {
        "LAOXIAN_WECHAT_TOKEN": settings.wechat_token.get_secret_value(),
        "LAOXIAN_WECHAT_APP_ID": settings.wechat_app_id,
        "LAOXIAN_WECHAT_SECRET": settings.wechat_secret.get_secret_value(),
    }
    aes_key = settings.wechat_aes_key.get_secret_value()
    if not any(needed.values()) and not aes_key:
        return None
    if missing := [name for name, value in needed.items() if not value]:
        raise SettingsError(f"微信公众号的设置不全：{'、'.join(missing)}（见 docs/wechat.md）")
    return WechatConfig(
        token=settings.wechat_token.get_secret_value(),
        app_id=settings.wechat_app_id,
        secret=settings.wechat_secret.get_secret_value(),
        aes_key=aes_key,
        api_url=settings.wechat_api_url.rstrip("/"),
        templates={"news": settings.wechat_news_template, "reply": settings.wechat_reply_template},
    )
