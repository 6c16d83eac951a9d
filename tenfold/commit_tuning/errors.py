"""What can be wrong with coordinated tuning: components, rates, probes, schedulers, states and traces, by name."""

from __future__ import annotations


class CommitTuningError(ValueError):
    """A model, an optimiser, a probe or a log cannot be tuned or read as it is."""


class InvalidComponents(CommitTuningError):
    """Encoder and LLM are no two disjoint parts of a model, or a model's parts are not known by name."""


class MixedGroup(CommitTuningError):
    """A parameter group of an optimiser holds parameters of two components, which need two rates."""


class UnknownGroup(CommitTuningError):
    """A parameter group of an optimiser belongs to no component, by its name or its parameters."""


class LearningRateOverwritten(CommitTuningError):
    """Something else wrote the rate of a group; ``group``, ``expected`` and ``found`` say which, and what."""

    def __init__(self, group: str, expected: float, found: float, when: str = "before the update") -> None:
        super().__init__(
            f"group {group}: the learning rate {when} is {found!r} and should be {expected!r}; another scheduler "
            "writes it: hand a global schedule over as schedule=, and let nothing else set rates"
        )
        self.group, self.expected, self.found = group, expected, found


class UnsupportedOptimiser(CommitTuningError):
    """An optimiser or a model whose parameters are sharded, so that groups and states by name are not to be had."""


class NoGradient(CommitTuningError):
    """No gradient reaches a component that is to be tuned: it is frozen, detached or run without gradients."""


class InvalidProbe(CommitTuningError):
    """A probe batch, or what a model says about it, is nothing that a balance can be estimated from."""


class ImpreciseProbe(InvalidProbe):
    """The probe's forwards ran in half precision, in which changes of distributions are lost."""


class InvalidScheduler(CommitTuningError):
    """The settings of a scheduler, or the search for them, do not go together."""


class UnusedReward(CommitTuningError):
    """A tuning has a reward, and no loss was lowered by it: the training would pass for one with a reward."""


class StateMismatch(CommitTuningError):
    """A saved state is none, or belongs to other settings."""


class InvalidTrace(CommitTuningError):
    """A training log cannot be read, or is in the way of a new one."""
