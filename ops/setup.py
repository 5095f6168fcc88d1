"""Makes the Python environments from their lock files. Standard library only: it runs before anything is installed.

usage: setup.py [app] [bot] [dev] [train]     (default: app bot)
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
TOOLS = REPO / ".tools"
APP, BOT = REPO / ".venv", REPO / ".venv-bot"
APP_PYTHONS = ("3.11", "3.12", "3.13", "3.14")
GIGABYTES_NEEDED = {"app": 1.0, "bot": 3.0, "dev": 1.5, "train": 3.0}


class SetupError(Exception):
    """Something only the user can mend; the message is one line that says what to do."""


def main(wanted: list[str]) -> None:
    """Makes or refreshes the wanted environments; does nothing where the lock file has not changed."""
    started = time.monotonic()
    todo = [part for part in wanted or ["app", "bot"] if not up_to_date(part)]
    if not todo:
        return
    check_disk(sum(GIGABYTES_NEEDED[part] for part in todo))
    uv = find_uv()
    for number, part in enumerate(todo, 1):
        say(f"[{number}/{len(todo)}] {DESCRIPTIONS[part]} …")
        MAKERS[part](uv)
        remember(part)
    say(f"环境就绪，用时 {time.monotonic() - started:.0f} 秒。")


def make_app(uv: str) -> None:
    """Makes ``.venv`` with the service."""
    venv(uv, APP, find_python(APP_PYTHONS, uv))
    install(uv, APP, "-r", str(lock("app")))
    install(uv, APP, "--no-deps", "-e", str(REPO))
    compile_all(APP)


def make_dev(uv: str) -> None:
    """Adds what tests and linters need to ``.venv``."""
    venv(uv, APP, find_python(APP_PYTHONS, uv))
    install(uv, APP, "-r", str(lock("dev")))
    install(uv, APP, "--no-deps", "-e", str(REPO))
    compile_all(APP)


def make_train(uv: str) -> None:
    """Adds torch and the training libraries to ``.venv``.

    torch comes with pip: pip takes the CPU wheel where one is offered, uv would fetch the CUDA build of several GB.
    """
    install(uv, APP, "pip")
    wanted = (REPO / "requirements" / "train.in").read_text().splitlines()
    torch = next(line.split("#")[0].strip() for line in wanted if line.startswith("torch=="))
    run([str(APP / "bin/python"), "-m", "pip", "install", torch], "安装 torch")
    install(uv, APP, "-r", str(lock("train")))
    compile_all(APP)


def make_bot(uv: str) -> None:
    """Makes ``.venv-bot`` with Rasa, on Python 3.10: the newest that Rasa 3.6 runs on."""
    venv(uv, BOT, find_python(("3.10",), uv))
    install(uv, BOT, "-r", str(lock("bot")))
    compile_all(BOT)


DESCRIPTIONS = {
    "app": "安装服务环境 .venv（约 400 MB）",
    "bot": "安装对话环境 .venv-bot（Rasa 与 TensorFlow，约 2 GB，最慢的一步）",
    "dev": "安装测试工具",
    "train": "安装训练环境（torch，约 1 GB）",
}
MAKERS = {"app": make_app, "bot": make_bot, "dev": make_dev, "train": make_train}
HOMES = {"app": APP, "dev": APP, "train": APP, "bot": BOT}
INCLUDES = {"dev": ("app",), "train": ()}


def find_python(versions: tuple[str, ...], uv: str) -> str:
    """Returns an interpreter of one of ``versions`` that really answers.

    A name on PATH may be a pyenv shim that answers 127, and uv does not look into pyenv, so both are tried here;
    then uv may bring one.
    """
    for version in versions:
        pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
        found = [sys.executable, shutil.which(f"python{version}")]
        found += [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)]
        for candidate in found:
            if candidate and answers(candidate, version):
                return candidate
    say(f"没有找到 Python {versions[0]}，让 uv 下载一个 …")
    brought = subprocess.run([uv, "python", "install", versions[0]], env=clean_env(), check=False)
    if brought.returncode == 0:
        return versions[0]
    raise SetupError(
        f"缺少 Python {versions[0]}，也下载不到。请先装上："
        f"apt install python{versions[0]} 或 pyenv install {versions[0]}，再重来。"
    )


def answers(python: str, version: str) -> bool:
    """Tells whether ``python`` runs and is ``version`` (major.minor)."""
    code = "import sys, ensurepip; print('%d.%d' % sys.version_info[:2])"
    try:
        out = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return out.returncode == 0 and out.stdout.strip() == version


def find_uv() -> str:
    """Returns uv: the one on PATH, or one installed from PyPI into ``.tools``."""
    if found := shutil.which("uv"):
        return found
    binary = TOOLS / "bin" / "uv"
    if binary.exists():
        return str(binary)
    say("准备安装工具 uv …")
    attempts = (
        [
            [sys.executable, "-m", "venv", str(TOOLS)],
            [str(TOOLS / "bin/python"), "-m", "pip", "install", "--quiet", "uv"],
        ],
        [[sys.executable, "-m", "pip", "install", "--quiet", "--target", str(TOOLS), "uv"]],
    )
    last = ""
    for commands in attempts:
        shutil.rmtree(TOOLS, ignore_errors=True)
        results = [subprocess.run(command, capture_output=True, text=True, check=False) for command in commands]
        last = results[-1].stderr
        if binary.exists():
            return str(binary)
    if "No module named" in last:
        raise SetupError("这个 Python 没有 venv 也没有 pip。请先安装：apt install python3-venv，再重来。")
    raise SetupError("从 PyPI 装不上 uv：请检查网络，或设置 PIP_INDEX_URL 为能用的镜像，再重来。")


def venv(uv: str, home: Path, python: str) -> None:
    """Makes an empty environment unless one with a working interpreter is there."""
    interpreter = home / "bin" / "python"
    if (
        interpreter.exists()
        and subprocess.run([str(interpreter), "-V"], capture_output=True, check=False).returncode == 0
    ):
        return
    run([uv, "venv", "--quiet", "--clear", "--python", python, str(home)], f"建环境 {home.name}")


def install(uv: str, home: Path, *what: str) -> None:
    """Installs into an environment with uv."""
    run([uv, "pip", "install", "--python", str(home / "bin" / "python"), *what], "安装依赖")


def compile_all(home: Path) -> None:
    """Byte-compiles an environment: Rasa starts in 11 s instead of 21."""
    subprocess.run(
        [str(home / "bin/python"), "-m", "compileall", "-q", "-j", "0", str(home / "lib")],
        env=clean_env(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )


def run(command: list[str], what: str) -> None:
    """Runs a command with its own progress on the screen; a failure is one line."""
    if subprocess.run(command, env=clean_env(), check=False).returncode:
        raise SetupError(
            f"{what}没有成功：多半是网络或磁盘，见上面几行。镜像可用环境变量 PIP_INDEX_URL 指定，修好后重来会接着做。"
        )


def clean_env() -> dict[str, str]:
    """Returns the environment for installers: byte code is written, pip's mirror serves uv too."""
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")}
    if "PIP_INDEX_URL" in env:
        env.setdefault("UV_DEFAULT_INDEX", env["PIP_INDEX_URL"])
    return env


def check_disk(gigabytes: float) -> None:
    """Raises when the disk cannot hold what is to be installed."""
    free = shutil.disk_usage(REPO).free / 1e9
    if free < gigabytes:
        raise SetupError(f"磁盘不够：要约 {gigabytes:.0f} GB，{REPO} 的盘只剩 {free:.1f} GB。腾出空间后重来。")


def lock(part: str) -> Path:
    """Returns the lock file of an environment part."""
    return REPO / "requirements" / f"{part}.lock"


def digest(part: str) -> str:
    """Returns what identifies an installation: its lock file and, for .venv, the project's metadata."""
    data = lock(part).read_bytes()
    if part in ("app", "dev"):
        data += (REPO / "pyproject.toml").read_bytes()
    return hashlib.sha256(data).hexdigest()[:16]


def stamps(part: str) -> dict[str, str]:
    """Returns what is installed where ``part`` lives."""
    path = HOMES[part] / "laoxian.json"
    return json.loads(path.read_text()) if path.exists() else {}


def up_to_date(part: str) -> bool:
    """Tells whether ``part`` was installed from the present lock file."""
    return stamps(part).get(part) == digest(part)


def remember(part: str) -> None:
    """Notes that ``part`` and what it includes are installed."""
    noted = stamps(part) | {name: digest(name) for name in (part, *INCLUDES.get(part, ()))}
    (HOMES[part] / "laoxian.json").write_text(json.dumps(noted))


def say(line: str) -> None:
    """Prints a line at once."""
    sys.stderr.write(f"崂先办 · {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SetupError as error:
        say(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
