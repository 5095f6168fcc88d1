"""What clients send to the case endpoints."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.cases.fields import ActionFields, Words

_PHONE = re.compile(r"(?:\+?86)?1[3-9]\d{9}|0\d{9,11}|\d{7,8}")


def _phone(value: str) -> str:
    digits = re.sub(r"[\s()（）-]", "", value)
    if not _PHONE.fullmatch(digits):
        raise ValueError("电话号码格式不对")
    return digits


Phone = Annotated[str, StringConstraints(strip_whitespace=True, max_length=32), AfterValidator(_phone)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]


class ReporterIn(BaseModel):
    """Who reports; an anonymous reporter's name is not kept."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    phone: Phone | None = None
    anonymous: bool = False


class PlaceIn(BaseModel):
    """Where it is, in the reporter's words."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)] | None = None


class CaseIn(BaseModel):
    """A case to file. ``name``, ``phone``, ``anonymous`` and ``place_text`` may also stand at the top level."""

    model_config = ConfigDict(extra="forbid")

    description: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
    place: PlaceIn = PlaceIn()
    reporter: ReporterIn = ReporterIn()
    source: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,16}$")] = "console"

    @model_validator(mode="before")
    @classmethod
    def _fold(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        data = dict(data)
        if isinstance(data.get("place"), str):
            data["place"] = {"text": data["place"]}
        if "place_text" in data:
            data["place"] = {"text": data.pop("place_text")}
        flat = {key: data.pop(key) for key in ("name", "phone", "anonymous") if key in data}
        if flat:
            data["reporter"] = {**(data.get("reporter") or {}), **flat}
        return data


class ActionIn(ActionFields):
    """A workflow action and its fields."""

    action: Annotated[str, Field(min_length=1, max_length=16)]


class RevealIn(BaseModel):
    """Why the reporter's number is needed; ``reporter`` is whose, 1 for who filed, empty for the main one."""

    model_config = ConfigDict(extra="forbid")

    reason: Words
    reporter: int | None = Field(None, ge=1, le=100_000)
