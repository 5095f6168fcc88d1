"""Notices to staff: the duty officer's bell, a department's new work, yellow and red cards."""
