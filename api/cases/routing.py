"""Where a case goes after a person has decided: the routing table again, with the case's own place."""

from api.errors import Problem
from api.triage.service import get_places
from classifier.routing import STREET_OFFICE, Route, Router, on_street
from classifier.taxonomy import OTHER, Taxonomy


def office_of(street: str | None) -> str:
    """Returns the street office that acts at a place."""
    return on_street(STREET_OFFICE, street)


def check_department(name: str, taxonomy: Taxonomy) -> str:
    """Returns ``name`` when such a department or street office exists; raises ``Problem`` 422 otherwise."""
    if name in taxonomy.departments:
        return name
    street = get_places().resolve(name).street
    if street and office_of(street) == name:
        return name
    raise Problem(422, f"没有这个承办单位：{name}")


def check_category(category: str, subcategory: str | None, taxonomy: Taxonomy) -> tuple[str, str]:
    """Returns a valid pair of classes, 其他 when no subcategory is given; raises ``Problem`` 422 otherwise."""
    if category not in taxonomy.entries:
        raise Problem(422, f"没有这个一级分类：{category}")
    subcategory = subcategory or OTHER
    if subcategory not in taxonomy.entries[category]:
        raise Problem(422, f"“{category}”下没有二级分类：{subcategory}")
    return category, subcategory


def reroute(category: str, subcategory: str, street: str | None, emergency: bool, taxonomy: Taxonomy) -> Route:
    """Returns lead, level and co-handlers by the table alone: the model's view of the old class no longer counts."""
    return Router(taxonomy).route(category, subcategory, {}, street, emergency)
