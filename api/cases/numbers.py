"""Case numbers ``LX20261124-00012``: one series a day, counted in Shanghai."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

LOCAL = ZoneInfo("Asia/Shanghai")

# One statement on both databases: the row lock (PostgreSQL) or the write lock (SQLite) makes the series race-free.
_NEXT = text(
    "INSERT INTO case_counters (day, last) VALUES (:day, 1) "
    "ON CONFLICT (day) DO UPDATE SET last = case_counters.last + 1 RETURNING last"
)


def next_number(db: Session, now: datetime) -> str:
    """Draws the next number of the day on which ``now`` falls; a rolled-back transaction gives its number back."""
    day = now.astimezone(LOCAL).strftime("%Y%m%d")
    return f"LX{day}-{db.execute(_NEXT, {'day': day}).scalar_one():05d}"
