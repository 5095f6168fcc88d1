"""Who acts: the routing table speaks first, the learned head only where the table leaves a choice."""

from dataclasses import dataclass

from classifier.taxonomy import OTHER, Entry, Taxonomy

STREET_OFFICE = "街道办事处"
# 其他 gathers what fits no subcategory, so its table row is a guess; the head overrules it from this probability on.
HEAD_OVERRULES_OTHER = 0.6


@dataclass(frozen=True)
class Route:
    """Lead department, level of first receipt and co-handlers."""

    department: str
    level: str
    co_departments: list[str]


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
            departments: the head's probability for each department; may be empty.
            street: the street that the place gives (``中韩街道``), or None. 街道办事处 then becomes its office.
            emergency: an emergency is received by the district itself.
        """
        entry = self.taxonomy.entry(category, subcategory)
        lead = self._lead(entry, departments)
        others = dict.fromkeys(name for name in (entry.lead, *entry.co) if name != lead)
        return Route(
            department=on_street(lead, street),
            level="区" if emergency else entry.level,
            co_departments=[on_street(name, street) for name in others],
        )

    def leads(self, category: str) -> set[str]:
        """Every lead department of a category: what the head may choose among."""
        return {entry.lead for entry in self.taxonomy.entries[category].values()}

    def _lead(self, entry: Entry, departments: dict[str, float]) -> str:
        if entry.name != OTHER:
            return entry.lead
        allowed = self.leads(entry.category) & departments.keys()
        best = max(allowed, key=departments.__getitem__, default=entry.lead)
        return best if departments.get(best, 0.0) >= HEAD_OVERRULES_OTHER else entry.lead


def on_street(name: str, street: str | None) -> str:
    """``中韩街道办事处`` for ``街道办事处`` in 中韩街道; any other name, or without a street, as it is."""
    return f"{street.removesuffix('街道')}{STREET_OFFICE}" if name == STREET_OFFICE and street else name
