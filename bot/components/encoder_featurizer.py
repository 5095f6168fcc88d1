"""The triage encoder as Rasa's dense featurizer: intents ride on a pretrained model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import FEATURIZER_CLASS_ALIAS
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.turn import current_turn
from classifier.encoder import Encoder


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class EncoderFeaturizer(DenseFeaturizer, GraphComponent):
    """Adds one sentence vector a message: the encoder's mean-pooled embedding, unit length times ``scale``.

    Config:
        model_dir: the triage model's folder, relative to the working directory.
        scale: length of the vectors; the intent classifier's regularisation is tuned to it.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        """Loads the encoder."""
        super().__init__(config["name"] if "name" in config else type(self).__name__, config)
        self._scale = float(config["scale"])
        self._encoder = Encoder.load(Path(config["model_dir"]))

    @classmethod
    def required_components(cls) -> list[type]:
        """A tokenizer must come first: Rasa drops messages without tokens."""
        return [Tokenizer]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Returns the defaults of the config above."""
        return {
            **DenseFeaturizer.get_default_config(),
            "model_dir": "models/triage/default",
            "scale": 8.0,
        }

    @staticmethod
    def validate_config(config: dict[str, Any]) -> None:
        """Accepts any config: a wrong ``model_dir`` fails on loading with its path."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> EncoderFeaturizer:
        """Returns the component with the encoder loaded."""
        return cls({**config, FEATURIZER_CLASS_ALIAS: execution_context.node_name})

    def process(self, messages: list[Message]) -> list[Message]:
        """Adds the sentence vector to each message that has text."""
        with_text = [message for message in messages if message.get(TEXT)]
        for message, vector in zip(with_text, self._vectors([message.get(TEXT) for message in with_text])):
            features = (vector * self._scale)[None, :]
            message.add_features(Features(features, FEATURE_TYPE_SENTENCE, TEXT, self._config[FEATURIZER_CLASS_ALIAS]))
        return messages

    def _vectors(self, texts: list[str]) -> np.ndarray:
        """Returns the unit-length vectors of texts, (n, hidden): that of a live turn may have come with it."""
        turn = current_turn.get(None)
        sent = turn.vectors.get(self._encoder.version) if turn and len(texts) == 1 else None
        return self._encoder.embed(texts) if sent is None else sent[None, :]

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Adds the vectors to the training examples."""
        self.process(training_data.training_examples)
        return training_data
