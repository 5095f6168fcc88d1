"""Trains the Rasa bot when anything it is made of has changed."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
BOT_PYTHON = REPO / ".venv-bot" / "bin" / "python"
TRAINING_DATA = ("nlu_data/intents", "nlu_data/rules.yml", "nlu_data/stories.yml")
_INGREDIENTS = (
    "config.yml",
    "domain.yml",
    *TRAINING_DATA,
    "nlu_data/jieba",
    "nlu_data/places",
    "bot",
    "classifier",
    "models/triage/default/model.onnx",
    "models/triage/default/tokenizer.json",
    "requirements/bot.lock",
)


def digest() -> str:
    """Returns a hash over every file that the bot model depends on."""
    sums = hashlib.sha256()
    for ingredient in _INGREDIENTS:
        path = REPO / ingredient
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.is_file() and file.suffix != ".pyc":
                sums.update(str(file.relative_to(REPO)).encode() + file.read_bytes())
    return sums.hexdigest()[:12]


def bot_env(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Returns the environment of a process in ``.venv-bot``: this repository on its path, libraries quiet."""
    env = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    quiet = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        "RASA_TELEMETRY_ENABLED": "false",
        "PYTHONWARNINGS": "ignore",
    }
    return env | quiet | {"PYTHONPATH": str(REPO)} | (extra or {})


def ensure(folder: Path) -> bool:
    """Makes sure that ``folder`` holds the model for the present files; returns whether it had to train.

    Raises:
        RuntimeError: training failed; its output is on the screen.
    """
    model = folder / f"bot-{digest()}.tar.gz"
    if model.exists():
        return False
    folder.mkdir(parents=True, exist_ok=True)
    data = [str(REPO / part) for part in TRAINING_DATA if (REPO / part).exists()]
    command = [
        str(BOT_PYTHON),
        "-W",
        "ignore",
        "-m",
        "rasa",
        "train",
        "--config",
        "config.yml",
        "--domain",
        "domain.yml",
        "--data",
        *data,
        "--out",
        str(folder),
        "--fixed-model-name",
        model.name.removesuffix(".tar.gz"),
        "--quiet",
    ]
    result = subprocess.run(command, cwd=REPO, env=bot_env(), capture_output=True, text=True, check=False)
    if result.returncode or not model.exists():
        sys.stderr.write(result.stdout[-3000:] + result.stderr[-3000:])
        raise RuntimeError("对话模型没有训练成功，原因见上面几行；多半是 domain.yml 或 nlu_data 里有写错的地方。")
    for old in folder.glob("bot-*.tar.gz"):
        if old != model:
            old.unlink()
    return True
