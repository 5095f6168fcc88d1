"""Who acts: the routing table speaks first, the learned head only where the table leaves a choice."""

import re
from dataclasses import dataclass

from classifier.taxonomy import Entry, Taxonomy

STREET_OFFICE = "街道办事处"
STREETS = ("中韩", "沙子口", "王哥庄", "北宅", "金家岭")
_STREET = re.compile("|".join(STREETS))


@dataclass(frozen=True)
class Route:
    """Lead department, level of first receipt and co-handlers."""

    department: str
    level: str
    co_departments: list[str]


def find_street(*texts: str | None) -> str | None:
    """The street office's full name (``中韩街道办事处``) if one of ``texts`` names a street, the first text first."""
    for text in texts:
        if text and (match := _STREET.search(text)):
            return match.group() + STREET_OFFICE
    return None


class Router:
    """Turns a class, the department head's view and a place into a route."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy

    def route(
        self, category: str, subcategory: str, departments: dict[str, float], street: str | None, emergency: bool
    ) -> Route:
        """Returns the route of a case.

        Args:
            category: first-level class.
            subcategory: second-level class.
            departments: the head's probability for each department.
            street: full name of the street office, if the place gives one.
            emergency: an emergency is received by the district itself.
        """
        entry = self.taxonomy.entry(category, subcategory)
        lead = self._lead(entry, departments)
        co = [name for name in (entry.lead, *entry.co) if name != lead]
        return Route(
            department=self._on_street(lead, street),
            level="区" if emergency else entry.level,
            co_departments=[self._on_street(name, street) for name in dict.fromkeys(co)],
        )

    def _lead(self, entry: Entry, departments: dict[str, float]) -> str:
        """The table's lead. Only for 其他, which gathers what fits nowhere, may a sure head pick another."""
        if entry.name == "其他" and departments:
            allowed = {e.lead for e in self.taxonomy.entries[entry.category].values()}
            best = max((d for d in departments if d in allowed), key=departments.__getitem__, default=entry.lead)
            if departments.get(best, 0.0) >= 0.6:
                return best
        return entry.lead

    @staticmethod
    def _on_street(name: str, street: str | None) -> str:
        return street if name == STREET_OFFICE and street else name
