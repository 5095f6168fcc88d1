"""What was closed of late is found by an index."""

from collections.abc import Sequence

from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Adds it."""
    op.create_index("ix_cases_closed", "cases", ["closed_at"])


def downgrade() -> None:
    """Drops it."""
    op.drop_index("ix_cases_closed", "cases")
