"""What can go wrong between a conversation and its reply, by name."""

from __future__ import annotations


class ChatError(RuntimeError):
    """A conversation could not be carried on."""


class InvalidMessage(ChatError):
    """A message or the way in which a reply is to be drawn is ill-formed."""


class NotAuthorised(ChatError):
    """The endpoint takes no key, or not this one: nothing more is asked."""


class WrongEndpoint(ChatError):
    """There is no chat endpoint at the address, or it does not know the model: nothing more is asked."""


class Unreachable(WrongEndpoint):
    """Nothing has ever answered at the address: nothing more is asked."""


class Refused(ChatError):
    """The endpoint refuses this one call for good, so that asking again is of no use."""


class ContextTooLong(Refused):
    """A conversation does not fit into the model's context; nothing is cut off silently."""


class GaveUp(ChatError):
    """A call failed as often as it may be tried."""


class BudgetSpent(ChatError):
    """The calls or tokens that were allowed are spent; what was answered until then is kept."""


class TranscriptInUse(ChatError):
    """Another process is adding to a transcript."""


class DamagedTranscript(ChatError):
    """A transcript holds a line, other than a cut-off last one, that cannot be read."""
