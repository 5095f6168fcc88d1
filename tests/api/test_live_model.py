"""A promotion and a rollback reach every process within seconds, and no request under way or after is lost."""

import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.triage import live
from api.triage.live import LiveTriager
from classifier.encoder import ModelError
from classifier.triage import Triager
from tests.console.conftest import Console, start
from training.registry import Registry

REPO = Path(__file__).resolve().parents[2]
SHIPPED = REPO / "models" / "triage" / "default"
SECONDS = 5.0


def other_version(folder: Path, version: str) -> None:
    """Puts a model with another version's name into ``folder``."""
    shutil.copytree(SHIPPED, folder)
    file = folder / "labels.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | {"version": version}), "utf-8")


def until(wanted: str, model: LiveTriager) -> None:
    """Waits until ``model`` gives the wanted version."""
    end = time.monotonic() + SECONDS
    while model.current().encoder.version != wanted:
        assert time.monotonic() < end, f"{wanted} not in use after {SECONDS} s"
        time.sleep(0.05)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """A registry with a model in use and another to promote."""
    other_version(tmp_path / "models" / "default", "one")
    other_version(tmp_path / "models" / "candidate", "two")
    return Registry(tmp_path / "models")


@pytest.fixture
def model(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> LiveTriager:
    """The model in use of this process."""
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.1)
    folder = registry.folder / "default"
    return LiveTriager(folder, lambda: Triager.load(folder, REPO / "nlu_data"))


def test_another_folder_is_taken_into_use_and_given_back(model: LiveTriager, registry: Registry) -> None:
    assert model.current().encoder.version == "one"
    registry.promote("candidate")
    until("two", model)
    registry.rollback()
    until("one", model)


def test_a_damaged_model_is_left_alone_and_a_good_one_after_it_is_taken(model: LiveTriager, registry: Registry) -> None:
    labels = registry.folder / "default" / "labels.json"
    good = labels.read_text("utf-8")
    labels.write_text("{", "utf-8")
    for _ in range(10):
        assert model.current().encoder.version == "one"
        time.sleep(0.05)
    labels.write_text(good.replace('"one"', '"three"'), "utf-8")
    until("three", model)


def test_a_missing_model_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"缺少 model\.onnx"):
        LiveTriager(tmp_path, lambda: Triager.load(tmp_path, REPO / "nlu_data"))


@pytest.fixture
def services(registry: Registry, tmp_path: Path) -> Iterator[list[Console]]:
    """Two processes of the service on one model folder."""
    started = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        started.append(start(tmp_path / name, LAOXIAN_MODEL_DIR=str(registry.folder / "default")))
    yield [service for service, _ in started]
    for _, process in started:
        process.terminate()
        process.wait(20)


class Load:
    """Asks a service for triage again and again, from two threads, and keeps what came back."""

    def __init__(self, url: str) -> None:
        self.answers: list[tuple[int, str]] = []
        self._url, self._end = url, threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(2)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        headers = {"X-Laoxian-Secret": os.environ["LAOXIAN_INTERNAL_SECRET"]}
        with httpx.Client(base_url=self._url, headers=headers, timeout=20) as client:
            while not self._end.is_set():
                answer = client.post("/internal/v1/triage", json={"text": f"路灯坏了{len(self.answers)}"})
                self.answers.append((answer.status_code, answer.json().get("model_version", "")))

    def sees(self, version: str, within: float) -> bool:
        """Waits until an answer of that version comes."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            if self.answers and self.answers[-1][1] == version:
                return True
            time.sleep(0.02)
        return False

    def stop(self) -> None:
        """Ends the threads."""
        self._end.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.slow
def test_promotion_and_rollback_under_load_drop_no_request(services: list[Console], registry: Registry) -> None:
    loads = [Load(service.url) for service in services]
    try:
        assert all(load.sees("one", within=60) for load in loads)
        registry.promote("candidate")
        assert all(load.sees("two", within=SECONDS) for load in loads)
        registry.rollback()
        assert all(load.sees("one", within=SECONDS) for load in loads)
    finally:
        for load in loads:
            load.stop()
    for load in loads:
        assert {status for status, _ in load.answers} == {200}
        assert {version for _, version in load.answers} == {"one", "two"}
