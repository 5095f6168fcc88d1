"""Runs inside the Rasa process: NLU components, the web channel, the tracker store. Python 3.10."""
