"""``make test``: linters, types, arrows between rooms, then every test.

``--lint`` stops before the tests; anything else is handed to pytest, which then runs on one core.
"""

import os
import subprocess
import sys
import time

from ops.house import BIN, REPO

LINTS = {
    "格式（ruff format）": ["ruff", "format", "--check", "."],
    "规则（ruff check）": ["ruff", "check", "."],
    "类型（mypy）": ["mypy", "actions", "api", "classifier", "ops", "training"],
    "房间之间的箭头（import-linter）": ["lint-imports"],
}


def main(arguments: list[str]) -> int:
    """Runs the checks in order; returns the first failure's status, after all lints have spoken."""
    failed = [name for name, command in LINTS.items() if run(name, [str(BIN / command[0]), *command[1:]])]
    if failed:
        sys.stderr.write(f"没有通过：{'、'.join(failed)}\n")
    if "--lint" in arguments:
        return 1 if failed else 0
    at_once = ["-n", "2", "--dist", "loadgroup"]
    tests = run("测试（pytest）", [str(BIN / "python"), "-m", "pytest", *(arguments or at_once)])
    return tests or (1 if failed else 0)


def run(name: str, command: list[str]) -> int:
    """Runs one check with its output on the screen; returns its status."""
    begun = time.monotonic()
    sys.stderr.write(f"── {name}\n")
    env = {**os.environ, "PYTHONPATH": str(REPO)}
    status = subprocess.run(command, cwd=REPO, env=env, check=False).returncode
    sys.stderr.write(f"── {name}：{'通过' if status == 0 else '没有通过'}，{time.monotonic() - begun:.0f} 秒\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
