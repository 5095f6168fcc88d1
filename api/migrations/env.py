"""Alembic's entry: migrates the database of the settings."""

from alembic import context

import api.accounts.models
import api.cases.models
import api.chat.enclosures
import api.chat.models
import api.curation.models
import api.notices.models
import api.orders.models
import api.outbox.models
import api.wechat.models  # noqa: F401
from api.db import Base, make_engine
from api.settings import get_settings

# A caller may hand in its own engine's URL (the tests do); otherwise the process's database is migrated.
engine = make_engine(context.config.get_main_option("sqlalchemy.url") or get_settings().database_url)
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
