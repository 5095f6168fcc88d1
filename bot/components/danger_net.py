"""Last component of the pipeline: the safety net reads every message, whatever the classifier took it for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message

from classifier.safety import emergency_signal


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class DangerNet(GraphComponent):
    """Adds an entity ``danger`` to what the net catches; a signal that stands alone makes the intent ``emergency``."""

    def __init__(self, config: dict[str, Any]) -> None:
        """Takes where the rules of the net are."""
        self._rules = Path(config["rules"])

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Returns where the rules of the net are."""
        return {"rules": "nlu_data/emergency.yml"}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> DangerNet:
        """Returns the component; there is nothing to train."""
        return cls(config)

    def process(self, messages: list[Message]) -> list[Message]:
        """Marks each message in place; the entity covers no words, since they belong to the matter."""
        for message in messages:
            signal = emergency_signal(message.get(TEXT) or "", self._rules)
            if signal is None:
                continue
            found = {"entity": "danger", "value": signal.number, "start": 0, "end": 0}
            message.set(ENTITIES, [*message.get(ENTITIES, []), found], add_to_output=True)
            if signal.alone:
                message.set(INTENT, {"name": "emergency", "confidence": 1.0}, add_to_output=True)
        return messages
