"""Brings the house up: environments, secrets, bot training, processes. Nothing here knows about cases."""
