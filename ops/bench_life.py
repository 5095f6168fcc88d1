"""Whole lives of cases, from filing to the rating that closes them, as fast as this machine can.

Measured are the functions under the HTTP interface, each step a transaction of its own that finds the case, checks the
move, writes history and outbox and commits to disk. Not measured: HTTP itself, and the model, which judges beforehand.
"""

import csv
import multiprocessing
import random
import secrets
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import repeat
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from api.accounts.deps import Actor
from api.accounts.models import Role
from api.cases.filing import Filing, file_case
from api.cases.models import Case
from api.cases.moves import apply_action
from api.cases.similar import probe_text
from api.columns import utcnow
from api.db import session_factory
from api.triage.service import get_places, get_triager
from classifier.triage import Triage
from ops.house import REPO

PROCESSES = 4
"""Two cores' worth of work and two that wait for the disk."""
TEXTS = 120
CLERK, HANDLER = Actor("staff", "bench-clerk", Role.CLERK), Actor("staff", "bench-handler", Role.HANDLER)
ANSWER = "您反映的问题已到现场核实，责任单位已安排人员处理，现已恢复正常。如还有问题，请随时联系我们。"
# A street's or community's answer is looked at by the level above first; then the reporter is called back and rates.
STEPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("受理", {}),
    ("派单", {}),
    ("接单", {}),
    ("反馈", {"answer": ANSWER}),
    ("审核通过", {}),
    ("回访", {"note": "电话回访，群众知晓"}),
    ("评价", {"stars": 5}),
)
_start: Any = None
SURNAMES = "王李张刘陈杨赵黄周吴"


class Prepared:
    """The real model's judgement of the benchmark's texts, made beforehand: the model has a benchmark of its own."""

    def __init__(self) -> None:
        self._triager = get_triager()
        self._triages: dict[tuple[str, str | None], Triage] = {}
        self._vectors: dict[str, np.ndarray] = {}

    @property
    def encoder(self) -> "Prepared":
        """Itself: it knows the vectors as well."""
        return self

    @property
    def version(self) -> str:
        """The model's."""
        return self._triager.encoder.version

    def triage(self, text: str, place: str | None = None) -> Triage:
        """Returns what the model says."""
        if (text, place) not in self._triages:
            self._triages[text, place] = self._triager.triage(text, place)
        return replace(self._triages[text, place])

    def embed(self, texts: list[str]) -> np.ndarray:
        """Returns the encoder's vectors."""
        for text in texts:
            if text not in self._vectors:
                self._vectors[text] = self._triager.encoder.embed([text])[0]
        return np.stack([self._vectors[text] for text in texts])


@lru_cache
def stories() -> list[tuple[str, str]]:
    """Returns texts from the labelled appeals, each with a place of the district; the same in every run."""
    draw = random.Random(5)
    rows = []
    for file in sorted((REPO / "nlu_data" / "appeals").glob("*.csv")):
        if not file.name.startswith("_非"):
            with file.open(encoding="utf-8") as lines:
                rows += [row["text"] for row in csv.DictReader(lines)]
    with (REPO / "nlu_data" / "places" / "communities.csv").open(encoding="utf-8") as lines:
        listed = csv.DictReader(line for line in lines if not line.startswith("#"))
        places = [row["street"] + row["community"] for row in listed]
    # As long as people write: about three of the labelled sentences.
    return [("，".join(draw.sample(rows, 3)), f"{draw.choice(places)}{draw.randint(1, 60)}号楼") for _ in range(TEXTS)]


def live(db: Session, story: tuple[str, str], triager: Prepared, now: datetime, steps: int = len(STEPS)) -> Case:
    """Files one case and takes it ``steps`` further, each step committed by itself as the service does."""
    name, phone = f"{random.choice(SURNAMES)}小明", f"139{random.randrange(10**8):08d}"
    filing = Filing(*story, name, phone, False, "web", secrets.token_hex(16))
    case, _ = file_case(db, filing, triager, get_places(), now, Actor("resident", "bench", "resident"))  # type: ignore[arg-type]
    db.commit()
    for action, fields in STEPS[:steps]:
        if action == "审核通过" and case.level == "区":
            continue
        now += timedelta(seconds=30)
        actor = HANDLER if action in ("接单", "反馈") else CLERK
        with session_factory()() as other:  # another request: nothing is known of the case
            found = other.query(Case).filter(Case.no == case.no).one()
            apply_action(other, found, action, actor, now, **fields)
            other.commit()
    return case


def lifecycles(seconds: float) -> float:
    """Returns how many cases a second ``PROCESSES`` processes bring from filing to 已办结, side by side."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(PROCESSES)
    with ProcessPoolExecutor(PROCESSES, context, initializer=_meet, initargs=(start,)) as pool:
        return sum(pool.map(_work, range(PROCESSES), repeat(seconds)))


def _meet(start: Any) -> None:
    global _start  # noqa: PLW0603  a barrier can only be handed to a process when it begins
    _start = start


def _work(number: int, seconds: float) -> float:
    triager = Prepared()
    for text, place in stories():
        probe_text(text, place, triager, get_places())  # type: ignore[arg-type]
    random.seed(number)
    run(triager, 2.0)  # connections, caches, prepared statements
    _start.wait()
    return run(triager, seconds)


def run(triager: Prepared, seconds: float) -> float:
    """Returns lifecycles a second of this process alone."""
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        with session_factory()() as db:
            live(db, random.choice(stories()), triager, utcnow())
        count += 1
    return count / (time.perf_counter() - began)
