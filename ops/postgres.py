"""A PostgreSQL of one's own, for a benchmark or for the tests: started from Debian's binaries and gone afterwards."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ops.house import free_ports

BINARIES = Path("/usr/lib/postgresql")


def installed() -> Path | None:
    """Returns the newest version's programs, None where PostgreSQL is not installed."""
    found = sorted(BINARIES.glob("*/bin"), key=lambda path: int(path.parent.name))
    return found[-1] if found else None


@contextmanager
def postgres(settings: Mapping[str, str]) -> Iterator[str]:
    """Yields the SQLAlchemy URL of an empty database; raises ``RuntimeError`` where PostgreSQL is not installed."""
    binaries = installed()
    if binaries is None:
        raise RuntimeError("没有 PostgreSQL：apt-get install postgresql")
    folder, (port,) = Path(tempfile.mkdtemp(prefix="laoxian-pg-")), free_ports(1)
    root = os.geteuid() == 0  # PostgreSQL refuses to run as root
    if root:
        shutil.chown(folder, "postgres", "postgres")
    data, options = (
        str(folder / "data"),
        [f"-p {port} -k {folder} -c listen_addresses=127.0.0.1", *(f"-c {k}={v}" for k, v in settings.items())],
    )

    def call(name: str, *arguments: str) -> None:
        user = {"user": "postgres", "group": "postgres"} if root else {}
        subprocess.run([binaries / name, *arguments], check=True, cwd=folder, capture_output=True, **user)  # type: ignore[call-overload]

    call("initdb", "-D", data, "-U", "laoxian", "-A", "trust", "--encoding=UTF8", "--locale=C.UTF-8")
    # -l: without a log file the server would hold our pipe open and `call` would never return.
    call("pg_ctl", "-D", data, "-o", " ".join(options), "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql+psycopg://laoxian@127.0.0.1:{port}/postgres"
    finally:
        call("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
