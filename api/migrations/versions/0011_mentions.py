"""Notices for one member of staff: who is called by name in a note."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Adds the columns."""
    op.add_column("notices", sa.Column("user_id", sa.String(length=36), nullable=True))
    op.add_column("notices", sa.Column("seq", sa.Integer(), nullable=True))
    op.create_index("ix_notices_user_id", "notices", ["user_id"])


def downgrade() -> None:
    """Drops them, with the notices that were for one person."""
    op.drop_index("ix_notices_user_id", "notices")
    op.execute("DELETE FROM notices WHERE user_id IS NOT NULL")
    op.drop_column("notices", "seq")
    op.drop_column("notices", "user_id")
