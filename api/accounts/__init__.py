"""Staff accounts: who may sign in, with what role, for what department, street and community."""
