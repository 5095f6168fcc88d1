"""The whole house as ``make up`` starts it: real processes, a data folder of its own, a real browser."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from ops import bot_model
from ops.house import REPO, free_ports

PASSWORD = "演示口令-2026-test"
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]


@dataclass
class House:
    """A running installation and what a test needs to reach into it."""

    url: str
    data_dir: Path
    process: "subprocess.Popen[bytes]"
    log: Path

    def pids(self, module: str) -> list[int]:
        """Returns the processes of this house that run ``python -m module`` themselves, keepers left out."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            command = process.cmdline()
            redis = module == "redis" and "redis-server" in "".join(command[:1])
            if (module in command or redis) and "ops.keep" not in command and "sh" not in Path(command[0]).name:
                found.append(process.pid)
        return found

    def kill(self, module: str) -> None:
        """Kills one part as a crash would."""
        pids = self.pids(module)
        assert pids, f"no process of {module}"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def wait_ready(self, seconds: float = 120) -> None:
        """Waits until every part answers."""
        deadline, last = time.monotonic() + seconds, ""
        while time.monotonic() < deadline:
            try:
                answer = httpx.get(f"{self.url}/readyz", timeout=5)
                if answer.status_code == 200:
                    return
                last = answer.text
            except httpx.HTTPError as error:
                last = repr(error)
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            time.sleep(0.3)
        pytest.fail(f"not ready: {last}\n{self.log.read_text()[-3000:]}")

    def staff(self, user: str = "staff") -> httpx.Client:
        """Returns a signed-in client."""
        form = {"username": user, "password": PASSWORD}
        token = httpx.post(f"{self.url}/api/v1/auth/token", data=form).raise_for_status().json()["access_token"]
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=20)


@dataclass
class Resident:
    """A resident at the chat: says things, keeps what came back."""

    url: str
    token: str = ""
    replies: list[dict[str, Any]] = field(default_factory=list)
    case_nos: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Opens a conversation."""
        self.token = httpx.post(f"{self.url}/api/v1/chat/sessions", json={}).raise_for_status().json()["token"]

    def post(self, body: dict[str, Any]) -> httpx.Response:
        """Sends one message as it is."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        content = json.dumps(body)  # as ASCII: a lone surrogate travels as its escape
        return httpx.post(f"{self.url}/api/v1/chat/messages", content=content, headers=headers, timeout=40)

    def say(self, text: str, **more: Any) -> str:
        """Sends one message and returns everything that the bot said to it."""
        self.replies = self.post({"text": text, **more}).raise_for_status().json()["messages"]
        for message in self.replies:
            number = message.get("case_no")
            if number and number not in self.case_nos:
                self.case_nos.append(number)
        return "\n".join(message["text"] for message in self.replies)

    @property
    def buttons(self) -> list[str]:
        """The quick replies on offer."""
        return [reply["title"] for message in self.replies for reply in message.get("quick_replies", [])]


def start_house(data_dir: Path, **env: str) -> House:
    """Starts ``python -m ops.up`` on a free port; the bot model is shared between runs of the tests."""
    shared = REPO / "build" / "test-bot"
    bot_model.ensure(shared)
    data_dir.mkdir(parents=True, exist_ok=True)
    if not (data_dir / "bot").exists():
        (data_dir / "bot").symlink_to(shared)
    (port,) = free_ports(1)
    own = {key: value for key, value in os.environ.items() if not key.startswith("LAOXIAN_")}
    settings = {
        "PORT": str(port),
        "LAOXIAN_DATA_DIR": str(data_dir),
        "LAOXIAN_DEMO_PASSWORD": PASSWORD,
        "LAOXIAN_HOST": "127.0.0.1",
        "PYTHONPATH": str(REPO),
    }
    log = data_dir / "up.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "ops.up"],
            cwd=REPO,
            env=own | settings | env,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return House(f"http://127.0.0.1:{port}", data_dir, process, log)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One running house for all tests of this folder."""
    house = start_house(tmp_path_factory.mktemp("house"))
    try:
        house.wait_ready()
        yield house
    finally:
        house.process.terminate()
        house.process.wait(timeout=60)


@pytest.fixture
def resident(house: House) -> Resident:
    """A resident who has just opened the chat."""
    return Resident(house.url)


@pytest.fixture(scope="session")
def staff(house: House) -> httpx.Client:
    """A signed-in clerk."""
    return house.staff()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium, quiet on a closed network."""
    return {**browser_type_launch_args, "executable_path": "/usr/bin/chromium", "args": CHROMIUM}


def pretty(value: Any) -> str:
    """Returns a value for a failure message."""
    return json.dumps(value, ensure_ascii=False, indent=1)
