"""A PostgreSQL of a benchmark's own, started from Debian's binaries and gone afterwards."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.house import free_ports

# What a small machine of a district would be given; everything else, durability too, is as Debian ships it.
SETTINGS = {
    "shared_buffers": "1GB",
    "effective_cache_size": "4GB",
    "maintenance_work_mem": "512MB",
    "work_mem": "16MB",
    "max_wal_size": "8GB",
    "random_page_cost": "1.1",
    "listen_addresses": "127.0.0.1",
}


@contextmanager
def postgres() -> Iterator[str]:
    """Yields the SQLAlchemy URL of an empty database; raises ``RuntimeError`` where PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        raise RuntimeError("没有 PostgreSQL：apt-get install postgresql")
    folder, (port,) = Path(tempfile.mkdtemp(prefix="laoxian-bench-pg-")), free_ports(1)
    root = os.geteuid() == 0  # PostgreSQL refuses to run as root
    if root:
        shutil.chown(folder, "postgres", "postgres")
    data, options = str(folder / "data"), [f"-p {port} -k {folder}", *(f"-c {k}={v}" for k, v in SETTINGS.items())]

    def call(name: str, *arguments: str) -> None:
        user = {"user": "postgres", "group": "postgres"} if root else {}
        subprocess.run([found[-1] / name, *arguments], check=True, cwd=folder, capture_output=True, **user)  # type: ignore[call-overload]

    call("initdb", "-D", data, "-U", "laoxian", "-A", "trust", "--encoding=UTF8", "--locale=C.UTF-8")
    # -l: without a log file the server would hold our pipe open and `call` would never return.
    call("pg_ctl", "-D", data, "-o", " ".join(options), "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql+psycopg://laoxian@127.0.0.1:{port}/postgres"
    finally:
        call("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
