"""First component of the pipeline: everything after it reads the normal form."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from classifier.text import normalise


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class ScriptNormaliser(GraphComponent):
    """Replaces a message's text by its normal form (NFKC, simplified script, folded space).

    Registered as a tokenizer because the recipe runs those first; it sets no tokens.
    """

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ScriptNormaliser:
        """Returns the component; it has nothing to configure."""
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        """Normalises each message in place."""
        for message in messages:
            text = message.get(TEXT)
            if text:
                message.set(TEXT, normalise(text), add_to_output=True)
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Normalises the examples, so that training and serving read the same form."""
        self.process(training_data.training_examples)
        return training_data
