"""The action server's settings, from the same ``LAOXIAN_*`` environment as the API's."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where the API is and where to listen; a missing secret stops the start."""

    model_config = SettingsConfigDict(env_prefix="LAOXIAN_", extra="ignore")

    api_url: str = "http://127.0.0.1:8000"
    internal_secret: SecretStr = Field(min_length=16)
    actions_host: str = "127.0.0.1"
    actions_port: int = 5055
    api_timeout_seconds: float = 8.0
