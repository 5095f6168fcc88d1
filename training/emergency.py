"""From which probability of 特急 on a message is an emergency: chosen on dev, recall first."""

import numpy as np
from sklearn.metrics import fbeta_score

from classifier.encoder import Encoder
from classifier.safety import emergency_signal
from classifier.taxonomy import URGENCIES
from classifier.triage import APPEAL_BAR
from training.data import APPEAL, Example

_GRID = (0.03, 0.05, 0.08, 0.12, 0.15, 0.18, 0.21, 0.25, 0.28, 0.32, 0.36, 0.4, 0.5, 0.6, 0.7)
RECALL_WEIGHT = 2.0  # recall counts twice as much as precision (F2) …
PRECISION_FLOOR = 0.7  # … as long as the duty officer is not rung for nothing too often
_DEFAULT = {"emergency_alone": 0.5, "emergency_with_signal": 0.12}


def emergency_thresholds(encoder: Encoder, examples: list[Example]) -> dict[str, float]:
    """The pair of thresholds of the best F2 above the precision floor: for the head alone, and where the net agrees.

    Among equals the middle pair is taken, for the next data will lie to either side. Too few emergencies (under 20)
    give a cautious default.
    """
    truth = np.array([e.labels.get("urgency") == URGENCIES[0] for e in examples])
    if truth.sum() < 20:
        return dict(_DEFAULT)
    tables = encoder.probabilities([e.text for e in examples])
    chance = tables["urgency"][:, encoder.heads["urgency"].index(URGENCIES[0])]
    asks = np.ones(len(examples), bool)
    if "appeal" in tables:
        asks = tables["appeal"][:, encoder.heads["appeal"].index(APPEAL[0])] >= APPEAL_BAR
    signals = [emergency_signal(e.text) for e in examples]
    signal = np.array([one is not None for one in signals])
    certain = np.array([one is not None and one.alone for one in signals])
    scored = []
    for alone in _GRID:
        for agreed in (t for t in _GRID if t <= alone):
            guess = certain | (chance >= np.where(signal, agreed, alone)) & (signal | asks)
            score = fbeta_score(truth, guess, beta=RECALL_WEIGHT, zero_division=0)
            if truth[guess].mean() < PRECISION_FLOOR:
                score -= 1.0  # comes after every pair above the floor
            scored.append((score, alone, agreed))
    best = max(score for score, _, _ in scored)
    equal = [(alone, agreed) for score, alone, agreed in scored if score >= best - 0.002]
    alone, agreed = equal[len(equal) // 2]
    return {"emergency_alone": alone, "emergency_with_signal": agreed}
