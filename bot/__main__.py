"""Starts Rasa on loopback: ``python -m bot``, with the newest model of ``LAOXIAN_DATA_DIR/bot``."""

import logging
import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")


def quiet_logs() -> None:
    """Sets logging before Rasa does: unconfigured structlog prints whole messages, phone numbers included."""
    from rasa.utils.log_utils import configure_structlog

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    configure_structlog(logging.WARNING)
    # Both log a failed action with its whole request, the resident's words in it; bot.turn logs the failure itself.
    for name in ("rasa.core.processor", "rasa.core.actions.action"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    import jieba

    jieba.setLogLevel(logging.WARNING)
    import sanic.app  # noqa: F401  it switches DeprecationWarnings back on

    warnings.simplefilter("ignore")


def main() -> None:
    """Runs the Rasa server until it is told to stop."""
    quiet_logs()
    from rasa.core.run import serve_application
    from rasa.core.utils import AvailableEndpoints

    from bot import pace, turn

    pace.install()
    turn.install()
    repo = Path(__file__).resolve().parent.parent
    models = Path(os.environ.get("LAOXIAN_DATA_DIR", repo / "var")) / "bot"
    serve_application(
        model_path=str(models),
        interface=os.environ.get("LAOXIAN_BOT_HOST", "127.0.0.1"),
        port=int(os.environ.get("LAOXIAN_BOT_PORT", "5005")),
        credentials=str(repo / "bot" / "credentials.yml"),
        endpoints=AvailableEndpoints.read_endpoints(str(repo / "bot" / "endpoints.yml")),
        enable_api=False,
    )


if __name__ == "__main__":
    main()
