"""Phone, name, anonymity and place from every message, whatever the bot has just asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import (
    ENTITIES,
    ENTITY_ATTRIBUTE_END,
    ENTITY_ATTRIBUTE_START,
    ENTITY_ATTRIBUTE_TYPE,
    ENTITY_ATTRIBUTE_VALUE,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message

from classifier.facts import find_facts
from classifier.places import PlaceResolver


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class FactExtractor(GraphComponent, EntityExtractorMixin):
    """Adds entities ``phone``, ``bad_phone``, ``name``, ``anonymous`` (text) and ``place`` (a ``Place`` as JSON)."""

    def __init__(self, config: dict[str, Any]) -> None:
        """Loads the places below ``nlu_data``."""
        self._places = PlaceResolver.load(Path(config["nlu_data"]))

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Returns where the place tables are."""
        return {"nlu_data": "nlu_data"}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> FactExtractor:
        """Returns the component with the places loaded."""
        return cls(config)

    def process(self, messages: list[Message]) -> list[Message]:
        """Sets the entities of each message; positions count in its normalised text."""
        for message in messages:
            text = message.get(TEXT) or ""
            entities = [_entity(fact.kind, fact.value, fact.start, fact.end) for fact in find_facts(text)]
            place = self._places.resolve(text)
            if place.text:
                start = max(text.find(place.text), 0)
                entities.append(_entity("place", place.as_dict(), start, start + len(place.text)))
            entities = self.add_extractor_name(entities)
            message.set(ENTITIES, message.get(ENTITIES, []) + entities, add_to_output=True)
        return messages


def _entity(kind: str, value: Any, start: int, end: int) -> dict[str, Any]:
    return {
        ENTITY_ATTRIBUTE_TYPE: kind,
        ENTITY_ATTRIBUTE_VALUE: value,
        ENTITY_ATTRIBUTE_START: start,
        ENTITY_ATTRIBUTE_END: end,
    }
