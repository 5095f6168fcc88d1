"""What is said only in 微信: ``nlu_data/wechat.yml``, checked when it is read."""

from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field, field_validator

from api.cases.rule_files import placeholders
from api.chat.lines import read_lines
from api.settings import get_settings


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Button(_Strict):
    """One entry of the menu; ``says`` is what the resident says by touching it."""

    name: str = Field(max_length=5)
    key: str
    says: str


class _Templates(_Strict):
    news: dict[str, str]
    reply: dict[str, str]


class WechatLines(_Strict):
    """All lines of the channel, as the file holds them."""

    greeting: str
    privacy: str
    again: str
    choices: str
    staff: str
    photo_lost: str
    no_voice: str
    unsupported: dict[str, str]
    menu: list[Button] = Field(max_length=3)
    templates: _Templates

    @field_validator("unsupported")
    @classmethod
    def _has_other(cls, value: dict[str, str]) -> dict[str, str]:
        if "other" not in value:
            raise ValueError("缺少 other")
        return value

    @field_validator("templates")
    @classmethod
    def _known_names(cls, value: _Templates) -> _Templates:
        for text in (*value.news.values(), *value.reply.values()):
            names = placeholders(text)
            if unknown := names - {"case_no", "status", "department", "time"}:
                raise ValueError(f"不认识的名字 {unknown}")
        return value

    def says(self, key: str) -> str | None:
        """Returns what touching the menu entry ``key`` says; None for an entry of an older menu."""
        return next((button.says for button in self.menu if button.key == key), None)


@lru_cache
def wechat_lines() -> WechatLines:
    """Returns the lines of this process."""
    return read_lines(get_settings().nlu_data / "wechat.yml", WechatLines)
