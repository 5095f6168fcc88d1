"""Orders from above with the receipts of each unit; notices for one unit."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds both tables and the column."""
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=True),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("issuer", sa.String(length=200), nullable=False),
        sa.Column("issued_by", sa.String(length=36), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
        sa.UniqueConstraint("idempotency_key", name="uq_orders_idempotency_key"),
    )
    op.create_index("ix_orders_issuer", "orders", ["issuer"])
    op.create_table(
        "order_receipts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("sent_by", sa.String(length=36), nullable=False),
        sa.Column("sent_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("read_at", MOMENT, nullable=True),
        sa.Column("read_by", sa.String(length=36), nullable=True),
        sa.Column("done_at", MOMENT, nullable=True),
        sa.Column("done_by", sa.String(length=36), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("photo_id", sa.String(length=32), nullable=True),
        sa.Column("reminded_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_order_receipts_order_id_orders"),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["order_receipts.id"], name="fk_order_receipts_parent_id_order_receipts"
        ),
        sa.ForeignKeyConstraint(["photo_id"], ["attachments.id"], name="fk_order_receipts_photo_id_attachments"),
        sa.PrimaryKeyConstraint("id", name="pk_order_receipts"),
        sa.UniqueConstraint("order_id", "path", name="uq_order_receipts_unit"),
    )
    op.create_index("ix_order_receipts_path", "order_receipts", ["path"])
    op.create_index("ix_order_receipts_photo_id", "order_receipts", ["photo_id"])
    op.create_index("ix_order_receipts_open", "order_receipts", ["done_at", "reminded_at", "due_at"])
    op.add_column("notices", sa.Column("unit", sa.String(length=200), nullable=True))


def downgrade() -> None:
    """Drops them, with the notices that were for one unit: without the column everybody would read them."""
    op.execute("DELETE FROM notices WHERE unit IS NOT NULL")
    op.drop_column("notices", "unit")
    op.drop_table("order_receipts")
    op.drop_table("orders")
