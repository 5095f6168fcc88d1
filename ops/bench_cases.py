"""``make bench-cases``: whole lives of cases and what staff look at, on an empty PostgreSQL and on a filled one."""

import argparse
import json
import os
import sys
import tempfile
import time
from typing import Any

from alembic import command
from cryptography.fernet import Fernet
from rich.console import Console
from rich.table import Table

from ops.bench import loop_ms
from ops.house import REPO
from ops.postgres import postgres

OUT = REPO / "build" / "bench-cases.json"
# What a small machine of a district would be given; everything else, durability too, is as Debian ships it.
SETTINGS = {
    "shared_buffers": "1GB",
    "effective_cache_size": "4GB",
    "maintenance_work_mem": "512MB",
    "work_mem": "16MB",
    "max_wal_size": "8GB",
    "random_page_cost": "1.1",
}


def main() -> int:
    """Measures, prints and writes ``build/bench-cases.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000, help="件数")
    parser.add_argument("--templates", type=int, default=400, help="其中真正办过的件，其余照抄")
    parser.add_argument("--seconds", type=float, default=20, help="每次量多少秒")
    wish = parser.parse_args()
    with postgres(SETTINGS) as url, tempfile.TemporaryDirectory(prefix="laoxian-bench-") as folder:
        os.environ |= {
            "LAOXIAN_DATABASE_URL": url,
            "LAOXIAN_DATA_DIR": folder,
            "LAOXIAN_DATA_KEYS": Fernet.generate_key().decode(),
            "LAOXIAN_LOG_LEVEL": "WARNING",
        } | {f"LAOXIAN_{name}_SECRET": Fernet.generate_key().decode() for name in ("BOT", "INTERNAL", "TOKEN")}
        found = bench(wish.cases, wish.templates, wish.seconds)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
    show(found)
    return 0


def bench(count: int, templates: int, seconds: float) -> dict[str, Any]:
    """Returns everything measured; the settings are in the environment already."""
    # They read the settings of the process.
    from api.cli import alembic_config  # noqa: PLC0415
    from ops import bench_fill, bench_life, bench_read  # noqa: PLC0415

    command.upgrade(alembic_config(), "head")
    found: dict[str, Any] = {"cases": count, "loop_ms": loop_ms()}
    found["empty_per_s"] = bench_life.lifecycles(seconds)
    began = time.perf_counter()
    bench_fill.fill(count, templates)
    found["fill_s"] = time.perf_counter() - began
    people = bench_read.make_staff()
    found["looks"] = {name: bench_read.measure(user) for name, user in people.items()}
    found["full_per_s"] = bench_life.lifecycles(seconds)
    found["ratio"] = found["empty_per_s"] / found["full_per_s"]
    found["loop_after_ms"] = loop_ms()
    return found


def show(found: dict[str, Any]) -> None:
    """Prints two tables."""
    console = Console()
    lives = Table("两核上的整件（提交 → 办结，7 到 8 步）", "结果", "目标")
    lives.add_row("空库", f"{found['empty_per_s']:.1f} 件/秒", "≥ 60")
    lives.add_row(f"{found['cases']:,} 件的库", f"{found['full_per_s']:.1f} 件/秒", "≥ 60")
    lives.add_row("空库 : 满库", f"{found['ratio']:.2f}", "≤ 1.3")
    quiet = f"{found['loop_ms']:.0f} / {found['loop_after_ms']:.0f} ms"
    lives.add_row("纯 Python 两百万次乘加，前 / 后", quiet, "机器安静时 ≈ 145 ms")
    console.print(lives)
    looks = Table("p50 / p95，毫秒（目标 p95 ≤ 200）", *found["looks"], title=f"{found['cases']:,} 件")
    for what in next(iter(found["looks"].values())):
        cells = (person[what] for person in found["looks"].values())
        looks.add_row(what, *(f"{one['p50_ms']:.0f} / {one['p95_ms']:.0f}" for one in cells))
    console.print(looks)
    console.print(f"JSON：{OUT}")


if __name__ == "__main__":
    sys.exit(main())
