"""A linear probe as the heads' first weights: fine-tuning then starts from a good answer and bends the encoder less."""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from training.model import HeadedEncoder


def probe(model: HeadedEncoder, features: np.ndarray, targets: dict[str, np.ndarray], strength: float = 0.1) -> None:
    """Sets each head to the logistic regression of its labels on ``features``.

    Args:
        model: its encoder gave ``features``.
        features: (n, hidden) pooled embeddings of the training texts.
        targets: (n,) label numbers by head, negative where a text has none; every label number occurs.
        strength: inverse of the regularisation.
    """
    mean, scale = features.mean(0), features.std(0) + 1e-6
    scaled = (features - mean) / scale
    for head, target in targets.items():
        rows = target >= 0
        fitted = LogisticRegression(C=strength, max_iter=60, tol=1e-3).fit(scaled[rows], target[rows])
        weight, bias = fitted.coef_, fitted.intercept_
        if len(fitted.classes_) == 2:  # scikit-learn keeps one row for two classes
            weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
        weight = weight / scale
        layer = model.heads[head]
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight).float())
            layer.bias.copy_(torch.from_numpy(bias - weight @ mean).float())
