"""Domain events, written with their change in one transaction and delivered later."""
