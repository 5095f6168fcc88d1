"""What a person may answer, checked against the taxonomy."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from api.errors import Problem
from classifier.taxonomy import KINDS, URGENCIES, Taxonomy

FIELDS = ("kind", "category", "subcategory", "urgency")
NOT_APPEAL, PERSONAL = "非诉求", "个人信息"


class Label(BaseModel):
    """An answer: the four fields of an appeal, or ``other``: it asks for nothing, or still names a person.

    Attributes:
        other: ``非诉求`` or ``个人信息``; the four fields are left out then.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    kind: str = ""
    category: str = ""
    subcategory: str = ""
    urgency: str = ""
    other: str = ""

    def checked(self, taxonomy: Taxonomy) -> dict[str, Any]:
        """Returns the answer as it is kept; raises ``Problem`` 422 with what is wrong."""
        given = [getattr(self, name) for name in FIELDS]
        if self.other:
            if self.other not in (NOT_APPEAL, PERSONAL) or any(given):
                raise Problem(422, f"other 只能是 {NOT_APPEAL} 或 {PERSONAL}，并且不再填分类")
            return {"other": self.other}
        if self.category not in taxonomy.entries:
            raise Problem(422, f"没有这个一级分类：{self.category or '（空）'}")
        if self.subcategory not in taxonomy.entries[self.category]:
            raise Problem(422, f"{self.category} 没有二级分类“{self.subcategory}”")
        if self.kind not in KINDS:
            raise Problem(422, f"诉求类型“{self.kind}”不在 {'、'.join(KINDS)} 里")
        if self.urgency not in URGENCIES:
            raise Problem(422, f"紧急程度“{self.urgency}”不在 {'、'.join(URGENCIES)} 里")
        return dict(zip(FIELDS, given, strict=True))


def in_words(label: dict[str, Any]) -> str:
    """Returns an answer as people read it."""
    if label.get("other"):
        return str(label["other"])
    return f"{label['category']} / {label['subcategory']} · {label['urgency']} · {label['kind']}"
