"""Whether the model still meets what it was made for: a week against the weeks before, with an alert when it leaves."""
