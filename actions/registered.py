"""The actions that the SDK finds: everything imported here."""

from actions.filing import ActionFileCase
from actions.followups import ActionFollowup
from actions.forms import ValidateAppealForm

__all__ = ["ActionFileCase", "ActionFollowup", "ValidateAppealForm"]
