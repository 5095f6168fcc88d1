"""Keeps one process alive: restarts it when it dies, ends it when told, and ends with its parent.

usage: python -m ops.keep COMMAND [ARG…]
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType

_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 8


def die_with_parent() -> None:
    """Asks Linux to send SIGTERM when the parent dies, so that a killed supervisor leaves nothing behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def orphaned() -> bool:
    """Tells whether ``make up`` itself is gone: killed outright, it could tell nobody."""
    try:
        os.kill(int(os.environ.get("LAOXIAN_UP_PID") or os.getpid()), 0)
    except ProcessLookupError:
        return True
    return False


def main(command: list[str]) -> int:
    """Runs ``command`` until told to stop; a crash starts it again after a pause that grows to 10 s."""
    die_with_parent()
    child: subprocess.Popen[bytes] | None = None
    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        if child and child.poll() is None:
            child.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    pause = 0.5
    while not stopping:
        begun = time.monotonic()
        child = subprocess.Popen(command, preexec_fn=die_with_parent)  # noqa: PLW1509  Linux only, no threads here
        code = wait(child, lambda: stopping or orphaned())
        if stopping or orphaned():
            return 0
        pause = 0.5 if time.monotonic() - begun > 30 else min(pause * 2, 10)
        sys.stderr.write(f"进程退出（{code}），{pause:.0f} 秒后重启\n")
        time.sleep(pause)
    return 0


def wait(child: "subprocess.Popen[bytes]", stopping: Callable[[], bool]) -> int:
    """Waits for ``child``; once stopping, ends it: politely at first, by force after a few seconds."""
    while True:
        try:
            return child.wait(timeout=1)
        except subprocess.TimeoutExpired:
            if stopping():
                child.terminate()
                try:
                    return child.wait(timeout=_GRACE_SECONDS)
                except subprocess.TimeoutExpired:
                    child.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
