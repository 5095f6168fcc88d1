"""Messages that no intent can be read from: pictures without a word, Chinese in Latin letters."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message

from classifier.text import is_pinyin

PHOTOS = "[图片]"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class UnreadableText(GraphComponent):
    """Overrules the classifier: pictures alone ``inform``; pinyin is ``nlu_fallback`` with an entity ``pinyin``."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> UnreadableText:
        """Returns the component; it has nothing to configure."""
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        """Sets the intent of each message that it knows by its form."""
        for message in messages:
            text = message.get(TEXT) or ""
            if text.startswith(PHOTOS):
                message.set(INTENT, {"name": "inform", "confidence": 1.0}, add_to_output=True)
            elif is_pinyin(text):
                message.set(INTENT, {"name": "nlu_fallback", "confidence": 1.0}, add_to_output=True)
                pinyin = {"entity": "pinyin", "value": text, "start": 0, "end": len(text)}
                message.set(ENTITIES, [*message.get(ENTITIES, []), pinyin], add_to_output=True)
        return messages
