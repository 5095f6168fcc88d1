"""The model in use, exchanged while requests run: a promotion or a rollback is seen within seconds, and none waits."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from classifier.encoder import ModelError
from classifier.taxonomy import RuleError
from classifier.triage import Triager

LOOK_SECONDS = 1.0
"""How often the folder is looked at: with half a second of loading, a promotion is in use within two seconds."""

log = structlog.get_logger(__name__)


class LiveTriager:
    """Holds the triager of a model folder, and loads it anew in the background once the folder is another one."""

    def __init__(self, folder: Path, load: Callable[[], Triager]) -> None:
        """Loads the model.

        Args:
            folder: where it lies; ``laoxian models promote`` puts another folder in its place.
            load: reads it.

        Raises:
            ModelError: it cannot be read.
            RuleError: a rule file is wrong.
        """
        self._labels, self._load = folder / "labels.json", load
        self._stamp, self._triager = self._seen(), load()
        self._looked, self._busy = time.monotonic(), threading.Lock()

    def current(self) -> Triager:
        """Returns the triager in use; never waits for another to load."""
        if time.monotonic() - self._looked >= LOOK_SECONDS and self._busy.acquire(blocking=False):
            threading.Thread(target=self._look, name="model-look", daemon=True).start()
        return self._triager

    def _look(self) -> None:
        try:
            stamp = self._seen()
            if stamp not in (None, self._stamp):
                self._triager, self._stamp = self._load(), stamp
                log.info("model.exchanged", version=self._triager.encoder.version)
        except (ModelError, RuleError) as error:
            # Tried again at the next look: the folder may be one that is being put in place.
            log.error("model.not_exchanged", reason=str(error))
        finally:
            self._looked = time.monotonic()
            self._busy.release()

    def _seen(self) -> tuple[int, int] | None:
        """Returns what tells one folder's labels from another's; None while there are none."""
        try:
            found = self._labels.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns
