"""The trainers' queue: items, answers, remarks; who lifts the gate before a model."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds the tables."""
    op.create_table(
        "curation_items",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("origin", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("suggestion", sa.JSON(), nullable=False),
        sa.Column("candidates", sa.JSON(), nullable=False),
        sa.Column("decided", sa.JSON(), nullable=True),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("pair", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("label", sa.JSON(), nullable=True),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.Column("embedded_by", sa.String(length=64), nullable=False),
        sa.Column("gain", sa.Float(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("done_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_curation_items"),
        sa.UniqueConstraint("origin", name="uq_curation_items_origin"),
    )
    op.create_index("ix_curation_items_next", "curation_items", ["state", "rank"])
    op.create_table(
        "curation_responses",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("label", sa.JSON(), nullable=True),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        *_keys("curation_responses"),
        sa.UniqueConstraint("item_id", "user_id", name="uq_curation_responses_once"),
    )
    op.create_index("ix_curation_responses_user_id", "curation_responses", ["user_id"])
    op.create_table(
        "curation_comments",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        *_keys("curation_comments"),
    )
    op.create_index("ix_curation_comments_item_id", "curation_comments", ["item_id"])
    op.create_table(
        "gate_approvals",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=64), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("why", sa.String(length=500), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gate_approvals"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_gate_approvals_user_id_users"),
        sa.UniqueConstraint("verdict", "user_id", name="uq_gate_approvals_once"),
    )


def _keys(table: str) -> tuple[sa.Constraint, ...]:
    return (
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(
            ["item_id"], ["curation_items.id"], name=f"fk_{table}_item_id_curation_items", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=f"fk_{table}_user_id_users"),
    )


def downgrade() -> None:
    """Drops them: answers that were not exported are lost."""
    for table in ("gate_approvals", "curation_comments", "curation_responses", "curation_items"):
        op.drop_table(table)
