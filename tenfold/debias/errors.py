"""What can be wrong with questions, answers and conversations about them, by name."""

from __future__ import annotations


class DebiasError(ValueError):
    """Questions, answers or a conversation about them are of no use."""


class InvalidItem(DebiasError):
    """A question is ill-formed."""


class InvalidProtocol(DebiasError):
    """A protocol's parameters, or a protocol for these agents and questions, make no sense."""


class InvalidAgents(DebiasError):
    """The agents of a conversation cannot be told apart, or one that is named is not among them."""


class DamagedDebates(DebiasError):
    """A file of debates holds a line that cannot be read."""


class InvalidMetadata(DebiasError):
    """The file that names the targets cannot be read."""


class NoQuestions(DebiasError):
    """There is nothing to read, or nothing left to take."""


class NoReply(DebiasError):
    """No call of a conversation got a reply, so that nothing came of it."""


class InvalidAnswers(DebiasError):
    """Answers do not belong to the questions, or cannot be read."""
