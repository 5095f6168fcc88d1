"""The channel with real processes: the service and the worker, one of which is killed in the middle of a turn."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi.testclient import TestClient

from api.db import Base, make_engine
from api.settings import REPO
from tests.chat.conftest import FaultyBot, says
from tests.conftest import Clock, free_port
from tests.wechat.conftest import FakeWechat, Server


class Now(Clock):
    """The real clock, since the processes have it too."""

    def __init__(self) -> None:
        pass

    @property
    def now(self) -> datetime:  # type: ignore[override]
        return datetime.now(UTC)


class House:
    """A service and a worker on a database of their own."""

    def __init__(self, folder: Path) -> None:
        self.port, self.folder = free_port(), folder
        url = f"sqlite:///{folder / 'laoxian.db'}"
        engine = make_engine(url)
        Base.metadata.create_all(engine)
        engine.dispose()
        self.env = os.environ | {"LAOXIAN_DATABASE_URL": url, "LAOXIAN_DATA_DIR": str(folder)}
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(command, cwd=REPO, env=self.env, stdout=log, stderr=log)
        self.running.append(process)
        return process

    def api(self) -> subprocess.Popen[bytes]:
        command = ["-m", "uvicorn", "--factory", "api.main:create_app", "--port", str(self.port), "--no-access-log"]
        process = self.start(sys.executable, *command)
        until(self._alive)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        consumer = str(Path(sys.executable).with_name("huey_consumer"))
        return self.start(consumer, "api.worker.huey", "--quiet", "--workers", "2")

    def _alive(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz").is_success
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(20)


def until(condition: Callable[[], Any], seconds: float = 90) -> float:
    """Waits and returns for how long."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            raise AssertionError(f"it did not happen within {seconds} seconds")
        time.sleep(0.1)
    return time.monotonic() - started


@pytest.fixture
def house(tmp_path: Path, wechat_api: FakeWechat, redis_server: str) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.stop()


@pytest.mark.slow
def test_slow_answers_arrive_and_a_killed_service_loses_nothing(
    house: House, bot: FaultyBot, wechat_api: FakeWechat
) -> None:
    service = house.api()
    house.worker()
    with httpx.Client(base_url=f"http://127.0.0.1:{house.port}", timeout=20) as client:
        wechat = Server(cast(TestClient, client), Now(), "plain")
        assert wechat.say("在吗") == "听到：在吗"

        bot.script = lambda request: time.sleep(5) or says("慢，但是好了")  # type: ignore[func-returns-value]
        started = time.monotonic()
        assert wechat.say("路灯不亮") is None
        assert time.monotonic() - started < 5
        assert until(lambda: wechat_api.texts, 30) < 15
        assert wechat_api.texts == ["慢，但是好了"]

        bot.script = lambda request: time.sleep(5) or says("又好了")  # type: ignore[func-returns-value]
        assert wechat.say("水管爆了", MsgId=77) is None
        service.send_signal(signal.SIGKILL)
        service.wait()
        bot.script = lambda request: says("接着办好了")
        until(lambda: len(wechat_api.texts) == 2, 150)
        assert wechat_api.texts[1] == "接着办好了"

        house.api()
        assert wechat.say("水管爆了", MsgId=77) is None, "answered already"
        time.sleep(1)
        assert len(wechat_api.texts) == 2
    log = (house.folder / "log").read_text()
    assert "oTest-follower" not in log
    assert "token-1" not in log
