"""Triage over HTTP: the model's view of a text, with the words that decided and the runners-up."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, StringConstraints

from api.accounts.deps import CurrentUser
from api.triage.service import get_places, get_taxonomy, get_triager
from classifier.places import PlaceResolver
from classifier.triage import Triager

router = APIRouter(prefix="/api/v1", tags=["分拣"])


class TriageIn(BaseModel):
    """A text to judge, and its place when that is known apart from the text."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
    place: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)] | None = None


@router.post("/triage")
def triage(
    body: TriageIn,
    _user: CurrentUser,
    triager: Annotated[Triager, Depends(get_triager)],
    places: Annotated[PlaceResolver, Depends(get_places)],
) -> dict[str, Any]:
    """判一段话：诉求类型、分类、紧急程度、承办单位、把握、决定性的词、候选。"""
    found = places.resolve(body.place or body.text)
    where = " ".join(filter(None, (found.street, body.place))) or None
    result = triager.triage(body.text, where)
    return result.as_dict() | {"explanation": triager.explain(body.text), "place": found.as_dict()}


@router.get("/taxonomy")
def taxonomy(_user: CurrentUser) -> dict[str, Any]:
    """分类和承办单位，供改判时选择。"""
    rules = get_taxonomy()
    return {
        "categories": {category: rules.subcategories(category) for category in rules.categories},
        "departments": list(rules.departments),
    }
