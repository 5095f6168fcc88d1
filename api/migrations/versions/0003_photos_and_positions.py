"""Photos and device positions that came with a message."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Adds both tables."""
    op.create_table(
        "attachments",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("session_id", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=True),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["chat_sessions.id"], name="fk_attachments_session_id_chat_sessions"),
        sa.ForeignKeyConstraint(["message_id"], ["chat_messages.id"], name="fk_attachments_message_id_chat_messages"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_attachments_case_id_cases"),
        sa.PrimaryKeyConstraint("id", name="pk_attachments"),
    )
    for column in ("session_id", "message_id", "case_id", "created_at"):
        op.create_index(f"ix_attachments_{column}", "attachments", [column])
    op.create_table(
        "chat_positions",
        sa.Column("message_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["chat_messages.id"], name="fk_chat_positions_message_id_chat_messages"
        ),
        sa.PrimaryKeyConstraint("message_id", name="pk_chat_positions"),
    )


def downgrade() -> None:
    """Drops them; the pictures in ``DATA_DIR/attachments`` stay."""
    op.drop_table("chat_positions")
    op.drop_table("attachments")
