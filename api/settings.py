"""Every setting of the service, read from ``LAOXIAN_*`` environment variables (docs/settings.md lists them)."""

import os
import re
from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

REPO = Path(__file__).resolve().parent.parent
# Where `make up` keeps its secrets, so that `laoxian user …` by hand works on the same installation.
SECRETS = Path(os.environ.get("LAOXIAN_DATA_DIR", REPO / "var")) / "secrets.env"


class SettingsError(RuntimeError):
    """A setting is missing or wrong; the message names its variable and holds no value."""


class Settings(BaseSettings):
    """Settings of the API, the worker and the command line.

    ``make up`` makes the secrets once, keeps them in ``DATA_DIR/secrets.env`` and hands them to every process. There is
    no default secret: a missing one stops the start with the name of the variable.
    """

    model_config = SettingsConfigDict(
        env_prefix="LAOXIAN_", env_file=SECRETS, extra="ignore", hide_input_in_errors=True
    )

    data_dir: Path = REPO / "var"
    nlu_data: Path = REPO / "nlu_data"
    model_dir: Path = REPO / "models" / "triage" / "default"
    database_url: str = ""
    redis_url: str = "redis://127.0.0.1:6379/0"
    bot_url: str = "http://127.0.0.1:5005"
    actions_url: str = "http://127.0.0.1:5055"
    bot_secret: SecretStr = Field(min_length=16, description="shared by the API and Rasa's channel")
    internal_secret: SecretStr = Field(min_length=16, description="shared by the action server and /internal")
    token_secret: SecretStr = Field(min_length=32, description="signs staff tokens")
    data_keys: SecretStr = Field(min_length=44, description="Fernet keys, comma-separated, newest first")
    token_minutes: int = 30
    bot_timeout_seconds: float = 20.0
    log_level: str = "INFO"
    wechat_token: SecretStr = SecretStr("")
    wechat_app_id: str = ""
    wechat_secret: SecretStr = SecretStr("")
    wechat_aes_key: SecretStr = SecretStr("")
    wechat_api_url: str = "https://api.weixin.qq.com"
    wechat_news_template: str = ""
    wechat_reply_template: str = ""
    webhook_url: str = ""
    webhook_secret: SecretStr = Field(SecretStr(""), validate_default=True)
    oidc_issuer: str = ""
    oidc_client_id: str = Field("", validate_default=True)
    oidc_secret: SecretStr = SecretStr("")
    oidc_claim: str = "preferred_username"
    oidc_name: str = "统一身份认证"
    sms_sender: str = "api.outbox.sms:FileSender"

    @field_validator("wechat_aes_key")
    @classmethod
    def _whole_key(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch("([A-Za-z0-9]{43})?", value.get_secret_value()):
            raise ValueError("43 letters and digits")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _sealed_way(cls, value: str) -> str:
        if value and not re.match(r"https://|http://(127\.0\.0\.1|localhost)[:/]", value):
            raise ValueError("https")
        return value

    @field_validator("oidc_client_id")
    @classmethod
    def _known_there(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("oidc_issuer") and not value:
            raise ValueError("needed beside an oidc_issuer")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _signs(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if info.data.get("webhook_url") and len(value.get_secret_value()) < 16:
            raise ValueError("at least 16 characters beside a webhook_url")
        return value

    @model_validator(mode="after")
    def _embedded_database(self) -> "Settings":
        if not self.database_url:
            self.database_url = f"sqlite:///{self.data_dir / 'laoxian.db'}"
        return self


@lru_cache
def get_settings() -> Settings:
    """Returns the settings of this process; raises ``SettingsError`` naming each missing or wrong variable."""
    try:
        return Settings()  # type: ignore[call-arg]
    except ValidationError as error:
        names = sorted({f"LAOXIAN_{one['loc'][0]}".upper() for one in error.errors() if one["loc"]})
        raise SettingsError(f"设置缺少或有误：{'、'.join(names)}（见 docs/settings.md）") from None
