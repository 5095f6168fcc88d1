"""Text to triage. Pure: normalise, encode, decide, route, explain. No web, no database; runs on Python 3.10 too."""
