"""Triage over HTTP, and the one model and place table of this process."""
