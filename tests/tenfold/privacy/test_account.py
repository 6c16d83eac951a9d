"""The account: what charges add up to, who shares it, and what it refuses."""

import copy
import pickle

import numpy as np
import pytest

from tenfold.privacy import Account, MixedNeighbours
from tenfold.privacy.account import Charge, total
from tenfold.privacy.gaussian import gaussian_epsilon

GAUSSIAN = Charge(1.0, 1e-6, 0.2, "a row")
OTHER = Charge(0.5, 1e-7, None, "a row")


def test_gaussian_charges_compose_and_others_add():
    assert total([GAUSSIAN], 1e-6) == (1.0, 1e-6, 0.2)
    assert total([GAUSSIAN] * 4, 1e-6) == pytest.approx((gaussian_epsilon(1e-6, 0.4), 1e-6, 0.4))
    assert total([OTHER] * 3, 1e-6) == pytest.approx((1.5, 3e-7, None))
    both = total([GAUSSIAN, OTHER, GAUSSIAN], 1e-6)
    assert both == pytest.approx((0.5 + gaussian_epsilon(1e-6, 0.2 * np.sqrt(2)), 1.1e-6, None))
    assert total([GAUSSIAN, Charge(None, None, None, "a row")], 1e-6) == (None, None, None)


def test_copies_share_it_and_what_is_refused_is_not_charged():
    account = Account()
    account.charge(GAUSSIAN, lambda charges: None)
    for other in (copy.copy(account), copy.deepcopy(account), pickle.loads(pickle.dumps(account))):
        assert other is account
    assert Account.from_dict(account.as_dict()) is account

    def refuse(charges):
        assert charges == (GAUSSIAN,)
        raise PermissionError

    with pytest.raises(PermissionError):
        account.charge(GAUSSIAN, refuse)
    with pytest.raises(MixedNeighbours, match="do not add up"):
        account.charge(Charge(1.0, 1e-6, 0.2, "two rows"), lambda charges: None)
    assert account.charges == (GAUSSIAN,)
