"""Alembic's entry: migrates the database of the settings."""

import api.accounts.models  # noqa: F401
import api.cases.models  # noqa: F401
import api.chat.models  # noqa: F401
import api.notices.models  # noqa: F401
import api.outbox.models  # noqa: F401
from alembic import context
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
