"""The intent model of ``bot/intents.py`` as Rasa's intent classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.components.encoder_featurizer import EncoderFeaturizer
from bot.intents import IntentModel, fit

RANKED = 10


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class IntentReader(IntentClassifier, GraphComponent):
    """Sets the intent and its ranking from a message's text and its sentence vector."""

    def __init__(self, storage: ModelStorage, resource: Resource, model: IntentModel | None = None) -> None:
        """Keeps where the model lies, and the model once it is trained or loaded."""
        self._storage, self._resource, self._model = storage, resource, model

    @classmethod
    def required_components(cls) -> list[type]:
        """The sentence vectors come from the encoder."""
        return [EncoderFeaturizer]

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> IntentReader:
        """Returns the component before training; it has nothing to configure."""
        return cls(model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> IntentReader:
        """Returns the trained component."""
        with model_storage.read_from(resource) as folder:
            return cls(model_storage, resource, IntentModel.load(Path(folder)))

    def train(self, training_data: TrainingData) -> Resource:
        """Fits the model to the examples and stores it."""
        examples = [one for one in training_data.intent_examples if one.get(TEXT)]
        vectors = np.stack([_vector(one) for one in examples])
        self._model = fit([one.get(TEXT) for one in examples], vectors, [one.get(INTENT) for one in examples])
        with self._storage.write_to(self._resource) as folder:
            self._model.save(Path(folder))
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        """Sets ``intent`` and ``intent_ranking`` of each message that has text."""
        for message in messages:
            if self._model is None or not message.get(TEXT):
                continue
            chances = self._model.probabilities(message.get(TEXT), _vector(message))
            ranking = [
                {"name": self._model.intents[i], "confidence": float(chances[i])} for i in np.argsort(-chances)[:RANKED]
            ]
            message.set("intent", ranking[0], add_to_output=True)
            message.set("intent_ranking", ranking, add_to_output=True)
        return messages


def _vector(message: Message) -> np.ndarray:
    """Returns the sentence vector that the encoder left on a message, (hidden,)."""
    _, sentence = message.get_dense_features(attribute=TEXT)
    return np.asarray(sentence.features[0])
