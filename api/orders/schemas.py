"""What clients send to the order endpoints."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

WORDS_LIMIT, TEXT_LIMIT, TITLE_LIMIT = 2_000, 5_000, 120

Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=WORDS_LIMIT)]
Path = Annotated[str, StringConstraints(min_length=1, max_length=200)]

NAMES = {
    "title": "标题",
    "text": "内容",
    "level": "级别",
    "units": "收令单位",
    "due_at": "回执时限",
    "note": "下派说明",
}


class PassIn(BaseModel):
    """To whom an order goes.

    Attributes:
        units: paths of units below the sender's.
        due_at: by when they answer; left out, the level's span for a new order, and the own limit when passing down.
        note: what the sender adds for them.
    """

    model_config = ConfigDict(extra="forbid")

    units: list[Path] = Field(min_length=1, max_length=1_000)
    due_at: AwareDatetime | None = None
    note: Words = ""


class OrderIn(BaseModel):
    """An order to issue."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_LIMIT)]
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_LIMIT)]
    level: Annotated[str, Field(max_length=8)]
    units: list[Path] = Field(min_length=1, max_length=1_000)
    due_at: AwareDatetime | None = None
