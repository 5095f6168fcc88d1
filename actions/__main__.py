"""Starts the action server on loopback: ``python -m actions``."""

import logging

from rasa_sdk.endpoint import create_app
from rasa_sdk.executor import ActionExecutor  # noqa: F401  fails early when the SDK is missing

from actions.settings import Settings


def main() -> None:
    """Serves ``/webhook`` and ``/health`` until told to stop."""
    settings = Settings()  # type: ignore[call-arg]
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    app = create_app("actions.registered")
    app.run(host=settings.actions_host, port=settings.actions_port, single_process=True, access_log=False, motd=False)


if __name__ == "__main__":
    main()
