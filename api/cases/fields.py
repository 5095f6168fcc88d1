"""What an action may carry."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Story = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]

FIELD_NAMES = {
    "reason": "原因",
    "note": "说明",
    "answer": "答复内容",
    "department": "主办单位",
    "co_departments": "协办单位",
    "days": "延期天数",
    "stars": "评分",
    "main_no": "主件编号",
    "reporter": "反映人",
    "parts": "拆成的几件",
}


class ActionFields(BaseModel):
    """The fields of a workflow action; the table says which of them are required.

    Attributes:
        reason: why, when the action has to be justified.
        note: what was done or said.
        answer: the department's answer to the reporter.
        days: working days of extension asked for.
        stars: 1 to 5; 1 and 2 mean unsatisfied.
        main_no: number of the main case that this one is merged into.
        reporter: whose call-back or rating it is: 1 for who filed, 2 for the first who joined; empty for the main one.
        parts: the matters into which a case is parted, the one that stays first.
    """

    model_config = ConfigDict(extra="forbid")

    reason: Words | None = None
    note: Words | None = None
    answer: Words | None = None
    department: Words | None = None
    co_departments: list[Words] | None = Field(None, max_length=5)
    days: int | None = Field(None, ge=1, le=60)
    stars: int | None = Field(None, ge=1, le=5)
    main_no: Words | None = None
    reporter: int | None = Field(None, ge=1, le=100_000)
    parts: list[Story] | None = Field(None, min_length=2, max_length=5)

    @property
    def words(self) -> str | None:
        """What the history keeps of it."""
        return "；".join(filter(None, (self.answer, self.reason, self.note))) or None
