"""``make up``: migrates, trains the bot when needed, runs every process in the foreground and says where to go."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from honcho.manager import Manager
from honcho.printer import Printer

from ops import bot_model
from ops.house import BIN, REPO, House, make_house, port_taken

DEMO = {"admin": "管理员", "staff": "受理员", "trainer": "培训员", "grid": "网格员"}
READY_SECONDS = 180


OURS = frozenset({"secrets.env", "laoxian.db", "bot", "redis"})
"""What tells a data folder of ours from any other."""


class UpError(Exception):
    """Something only the user can mend; the message is one line that says what to do."""


def main() -> int:
    """Runs the house until Ctrl-C or SIGTERM; returns the exit status."""
    started = time.monotonic()
    port = int(os.environ.get("PORT", "8000"))
    data_dir = Path(os.environ.get("LAOXIAN_DATA_DIR", REPO / "var")).resolve()
    check(port, data_dir)
    house = make_house(port, data_dir)
    prepare(house)
    password = demo_accounts(house)
    manager = Manager(Printer(sys.stdout, colour=sys.stdout.isatty()))
    for name, command in house.processes().items():
        manager.add_process(name, command, env=house.env | {"LAOXIAN_UP_PID": str(os.getpid())}, cwd=str(REPO))
    watcher = threading.Thread(target=announce, args=(house, manager, password, started), daemon=True)
    watcher.start()
    manager.loop()
    return 0 if manager.returncode in (None, 0, -signal.SIGTERM, 128 + signal.SIGTERM, 130) else 1


def check(port: int, data_dir: Path) -> None:
    """Raises for what would fail minutes later: the port, the disk, the folder."""
    if port_taken(port):
        raise UpError(f"端口 {port} 已被占用。换一个：PORT={port + 1} make up；或先停掉占用它的程序。")
    data_dir.mkdir(parents=True, exist_ok=True)
    here = {path.name for path in data_dir.iterdir()}
    if here and not here & OURS:  # it is about to be closed to everybody else: /, /srv or a home must not be
        raise UpError(f"{data_dir} 里有别的东西，不像崂先办的数据目录。用 LAOXIAN_DATA_DIR 指定一个空目录。")
    if not os.access(data_dir, os.W_OK):
        raise UpError(f"不能写 {data_dir}。请改权限，或用 LAOXIAN_DATA_DIR 指定别处。")
    if shutil.disk_usage(data_dir).free < 300e6:
        raise UpError(f"{data_dir} 所在的盘剩余不到 300 MB。腾出空间后重来。")


def prepare(house: House) -> None:
    """Trains the bot if its files changed and brings the database to the newest schema."""
    say("检查对话模型（有改动才训练，约一分钟）…")
    if bot_model.ensure(house.data_dir / "bot"):
        say("对话模型已训练。")
    run(house, "数据库升级", str(BIN / "laoxian"), "db", "upgrade")


def demo_accounts(house: House) -> str | None:
    """Makes the demo accounts; returns their password when it is new or given, None when it stays as it was."""
    given = os.environ.get("LAOXIAN_DEMO_PASSWORD")
    marker = house.data_dir / "demo-accounts"
    if marker.exists() and not given:
        return None
    password = given or secrets.token_urlsafe(9)
    run(house, "建演示账号", str(BIN / "laoxian"), "user", "seed-demo", extra={"LAOXIAN_DEMO_PASSWORD": password})
    marker.touch()
    return password


def run(house: House, what: str, *command: str, extra: dict[str, str] | None = None) -> None:
    """Runs one preparing command with the house's environment."""
    if subprocess.run(command, env=house.env | (extra or {}), cwd=REPO, check=False).returncode:
        raise UpError(f"{what}没有成功，原因见上面几行。")


def announce(house: House, manager: Manager, password: str | None, started: float) -> None:
    """Waits until every part is ready, then prints addresses and accounts; gives up with the part that is missing."""
    missing = "api"
    while time.monotonic() - started < READY_SECONDS + 600:
        missing = not_ready(house.url)
        if not missing:
            banner(house, password, time.monotonic() - started)
            return
        time.sleep(0.5)
    say(f"启动超时，还没好的部分：{missing}。看上面它的输出。")
    manager.terminate()


def not_ready(url: str) -> str:
    """Returns the parts that are not ready yet, empty when all are."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as response:  # noqa: S310  our own address
            return "" if response.status == 200 else "?"
    except urllib.error.HTTPError as error:
        try:
            parts = json.load(error).get("parts", {})
            return "、".join(name for name, state in parts.items() if state != "ok") or "?"
        except (ValueError, AttributeError):
            return "?"
    except OSError:
        return "api"


def banner(house: House, password: str | None, seconds: float) -> None:
    """Prints where to go and who to be."""
    shown = password or "（沿用上次的；要改：LAOXIAN_DEMO_PASSWORD=新密码 make up）"
    lines = [
        "",
        f"  崂先办已就绪（{seconds:.0f} 秒）",
        f"  居民页面    {house.url}/",
        f"  工作台      {house.url}/console",
        f"  演示账号    {'  '.join(f'{name}（{role}）' for name, role in DEMO.items())}",
        f"  密码        {shown}",
        "  按 Ctrl-C 停止",
        "",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def say(line: str) -> None:
    """Prints a progress line at once."""
    sys.stderr.write(f"崂先办 · {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (UpError, RuntimeError) as error:
        say(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
