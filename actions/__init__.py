"""The action server: reads each turn of an intake, files, follows up. Talks to the API over HTTP only."""
