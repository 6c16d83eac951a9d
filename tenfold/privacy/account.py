"""What has been spent on one body of private records: one account, however many objects release under it.

Copies, scikit-learn's clones and what is loaded again in the same process share their account; a copy in another
process may not release at all. A library cannot see everything: an object made anew from the same records, another
program, and a copied file each open an account of their own, and their budgets are the user's to add up.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Protocol
from uuid import uuid4
from weakref import WeakValueDictionary

from filelock import FileLock

from tenfold.privacy.gaussian import compose, gaussian_epsilon


class AccountElsewhere(PermissionError):
    """A copy in another process asks for a release that the account's own process would not see."""


class AccountUnreachable(PermissionError):
    """The file that keeps the account cannot be read or written, so that a release would go unrecorded."""


class NoAccount(PermissionError):
    """A file from before releases had an account does not say what its rows have paid."""


class MixedNeighbours(ValueError):
    """Releases that protect different neighbours have no common ε."""


@dataclass(frozen=True)
class Charge:
    """The cost of one release towards ``neighbours``: (ε, δ), μ where that is Gaussian; ε None if unproven."""

    epsilon: float | None
    delta: float | None
    mu: float | None
    neighbours: str


def total(charges: Iterable[Charge], delta: float | None) -> tuple[float | None, float | None, float | None]:
    """Return (ε, δ, μ) of all releases together.

    Gaussian ones compose to μ = √Σμ², whose ε is taken at ``delta``; to that others add their ε and δ.
    """
    parts = list(charges)
    if not parts or any(part.epsilon is None for part in parts):
        return None, None, None
    if len(parts) == 1:
        return parts[0].epsilon, parts[0].delta, parts[0].mu
    others = [part for part in parts if part.mu is None]
    epsilon, spent_delta = (sum(getattr(part, name) for part in others) for name in ("epsilon", "delta"))
    mus = [part.mu for part in parts if part.mu is not None]
    if not mus:
        return epsilon, spent_delta, None
    mu = compose(mus)
    assert delta is not None
    return epsilon + gaussian_epsilon(delta, mu), spent_delta + delta, None if others else mu


class AccountFile(Protocol):
    """A file that keeps an account: its charges are read before, and written after, each new one."""

    def read(self) -> Mapping[str, Charge]: ...

    def write(self, charges: Mapping[str, Charge]) -> None: ...


class Account:
    """The charges so far by their ids, under one ``token``; see the module for who shares it."""

    def __init__(self, token: str | None = None, process: int | None = None) -> None:
        self.token, self.process = token or uuid4().hex, process or os.getpid()
        self._charges: dict[str, Charge] = {}
        self._files: dict[Path, AccountFile] = {}
        self._lock = threading.RLock()
        _OPEN[self.token] = self

    @classmethod
    def opened(cls, token: str, charges: Mapping[str, Charge], process: int | None = None) -> Account:
        """Return this process's account of that token, with ``charges`` added to what it knows."""
        found = _OPEN.get(token) or cls(token, process)
        found._charges |= dict(charges)
        return found

    @property
    def charges(self) -> tuple[Charge, ...]:
        """Every charge, in the order in which they were made."""
        return tuple(self._charges.values())

    def keep_in(self, path: Path, file: AccountFile) -> None:
        """Read and write ``file`` at every charge from now on."""
        self._files[path.resolve()] = file

    def charge(self, new: Charge, allow: Callable[[tuple[Charge, ...]], None]) -> None:
        """Record a charge before its noise is drawn, if ``allow`` does not raise on those made so far.

        Raises AccountElsewhere, AccountUnreachable, MixedNeighbours, or what ``allow`` raises: nothing is then charged.
        """
        if os.getpid() != self.process:
            raise AccountElsewhere(
                "this is a copy from another process, which would not see what is spent here: release there (with "
                "n_jobs=1), or load a saved copy"
            )
        with self._lock, ExitStack() as held:
            if self._files:
                held.enter_context(FileLock(Path(gettempdir()) / f"tenfold-account-{self.token}.lock"))
            for path, file in self._files.items():
                self._charges |= dict(_reached(path, file.read))
            self._check(new, allow)
            charges = self._charges | {uuid4().hex: new}
            for path, file in self._files.items():
                _reached(path, lambda file=file: file.write(charges))  # type: ignore[misc]
            self._charges = charges

    def _check(self, new: Charge, allow: Callable[[tuple[Charge, ...]], None]) -> None:
        for old in self.charges:
            if old.neighbours != new.neighbours:
                raise MixedNeighbours(
                    f"this account is kept towards neighbours {old.neighbours!r}, the new release protects "
                    f"{new.neighbours!r}: their budgets do not add up. Make a new object and account for both yourself"
                )
        allow(self.charges)

    def as_dict(self) -> dict[str, Any]:
        """Return token and charges as plain values that JSON can hold."""
        return {"token": self.token, "charges": {name: asdict(charge) for name, charge in self._charges.items()}}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Account:
        """Return the account that ``as_dict`` wrote. Raises TypeError or KeyError if fields are wrong."""
        return cls.opened(content["token"], charges_of(content))

    def __copy__(self) -> Account:
        return self

    def __deepcopy__(self, memo: Any) -> Account:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Account.opened, (self.token, dict(self._charges), self.process)


def kept_in(content: Mapping[str, Any], file: Any) -> Mapping[str, Any]:
    """Return the account that ``file`` keeps in its ``content``. Raises NoAccount where an earlier version wrote it."""
    if "account" not in content:
        raise NoAccount(
            f"{file} was saved before releases had an account: refit from the rows, and save that. What the file "
            "holds stays released: its ε is yours to add to the new one's"
        )
    found: Mapping[str, Any] = content["account"]
    return found


def _reached(path: Path, action: Callable[[], Any]) -> Any:
    try:
        return action()
    except (OSError, ValueError) as error:
        raise AccountUnreachable(
            f"{path} keeps this account and cannot be used ({error}): move it back, or save the memory there again"
        ) from None


def charges_of(content: Mapping[str, Any]) -> dict[str, Charge]:
    """Return the charges that ``Account.as_dict`` wrote."""
    return {name: Charge(**charge) for name, charge in content["charges"].items()}


_OPEN: WeakValueDictionary[str, Account] = WeakValueDictionary()
