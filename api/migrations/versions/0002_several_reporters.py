"""Several reporters of a case, linked and similar cases."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Adds the columns; each case's only reporter so far gets the session that filed it."""
    op.add_column("cases", sa.Column("group_key", sa.String(length=64), nullable=True))
    op.add_column("cases", sa.Column("embedding", sa.LargeBinary(), nullable=True))
    op.create_index("ix_cases_group_key", "cases", ["group_key"])
    op.create_index("ix_cases_merged_into", "cases", ["merged_into"])
    op.create_index("ix_cases_near", "cases", ["street", "category", "created_at"])
    op.create_index("ix_cases_class", "cases", ["category", "subcategory", "created_at"])
    op.add_column("reporters", sa.Column("session_id", sa.String(length=64), nullable=True))
    op.add_column("reporters", sa.Column("left_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_reporters_session_id", "reporters", ["session_id"])
    op.execute("UPDATE reporters SET session_id = (SELECT session_id FROM cases WHERE cases.id = reporters.case_id)")
    op.add_column("chat_drafts", sa.Column("offered", sa.Text(), nullable=False, server_default=""))
    op.add_column("chat_lookups", sa.Column("reporter_id", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drops them; further reporters stay, and the first is again the only one that is looked at."""
    op.drop_column("chat_lookups", "reporter_id")
    op.drop_column("chat_drafts", "offered")
    op.drop_index("ix_reporters_session_id", "reporters")
    op.drop_column("reporters", "left_at")
    op.drop_column("reporters", "session_id")
    op.drop_index("ix_cases_class", "cases")
    op.drop_index("ix_cases_near", "cases")
    op.drop_index("ix_cases_merged_into", "cases")
    op.drop_index("ix_cases_group_key", "cases")
    op.drop_column("cases", "embedding")
    op.drop_column("cases", "group_key")
