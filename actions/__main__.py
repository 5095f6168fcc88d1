"""Starts the action server on loopback: ``python -m actions``."""

import logging

from rasa_sdk.endpoint import create_app
from rasa_sdk.executor import ActionExecutor

from actions.filing import ActionFileCase
from actions.followups import ActionFollowup
from actions.forms import ValidateAppealForm
from actions.settings import Settings


def main() -> None:
    """Serves ``/webhook`` and ``/health`` until told to stop; the SDK's own start-up would listen on every address."""
    settings = Settings()  # type: ignore[call-arg]
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    executor = ActionExecutor()
    for action in (ValidateAppealForm, ActionFileCase, ActionFollowup):
        executor.register_action(action)
    app = create_app(executor, cors_origins=[])
    app.run(host=settings.actions_host, port=settings.actions_port, single_process=True, access_log=False, motd=False)


if __name__ == "__main__":
    main()
