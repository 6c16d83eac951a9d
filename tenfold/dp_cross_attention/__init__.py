"""Differentially private cross-attention over a private memory (arXiv:2407.14717)."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.dp_cross_attention.answer import Answer as Answer
    from tenfold.dp_cross_attention.continual import ContinualMemory as ContinualMemory
    from tenfold.dp_cross_attention.errors import BoundViolated as BoundViolated
    from tenfold.dp_cross_attention.errors import BudgetExceeded as BudgetExceeded
    from tenfold.dp_cross_attention.errors import UnledgeredSketch as UnledgeredSketch
    from tenfold.dp_cross_attention.exact import exact_attention as exact_attention
    from tenfold.dp_cross_attention.gp_exact import ExactKernelMemory as ExactKernelMemory
    from tenfold.dp_cross_attention.ledger import Ledger as Ledger
    from tenfold.dp_cross_attention.memory import PrivateMemory as PrivateMemory
    from tenfold.dp_cross_attention.module import PrivateCrossAttention as PrivateCrossAttention
    from tenfold.dp_cross_attention.replacement import replace_cross_attention as replace_cross_attention
    from tenfold.dp_cross_attention.tree_memory import TreeMemory as TreeMemory
else:
    __getattr__, __dir__, __all__ = exports(__name__)
