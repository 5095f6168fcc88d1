"""Cases (诉求件): filing, workflow, deadlines, history, views."""
