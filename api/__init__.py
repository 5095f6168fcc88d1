"""The appeal desk's HTTP service: intake, cases, channels, console, security. Owns the database."""
