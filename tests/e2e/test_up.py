"""``make up`` itself: quick the second time, clear when the port is taken, nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from ops.house import REPO
from tests.e2e.conftest import House, start_house


def test_a_taken_port_is_one_clear_line(house: House, tmp_path: Path):
    port = house.url.rsplit(":", 1)[1]
    env = {**os.environ, "PORT": port, "LAOXIAN_DATA_DIR": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-m", "ops.up"], cwd=REPO, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 1
    assert f"端口 {port} 已被占用" in result.stderr
    assert "Traceback" not in result.stderr


def test_sigterm_ends_every_child_and_a_second_start_is_quick(tmp_path: Path):
    house = start_house(tmp_path / "data")
    house.wait_ready()
    children = psutil.Process(house.process.pid).children(recursive=True)
    assert len(children) >= 10
    house.process.send_signal(signal.SIGTERM)
    house.process.wait(timeout=40)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    begun = time.monotonic()
    again = start_house(tmp_path / "data")
    try:
        again.wait_ready()
        assert time.monotonic() - begun < 40
        assert "Traceback" not in again.log.read_text()
    finally:
        again.process.terminate()
        again.process.wait(timeout=40)


def test_a_killed_supervisor_leaves_nothing_running(tmp_path: Path):
    house = start_house(tmp_path / "data")
    house.wait_ready()
    children = psutil.Process(house.process.pid).children(recursive=True)
    house.process.kill()
    house.process.wait(timeout=10)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
