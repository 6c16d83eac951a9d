"""Differentially private cross-attention over a private memory (arXiv:2407.14717)."""

from tenfold.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "Answer": "answer",
        "BoundViolated": "errors",
        "BudgetExceeded": "errors",
        "ContinualMemory": "continual",
        "ExactKernelMemory": "gp_exact",
        "Ledger": "ledger",
        "PrivateCrossAttention": "module",
        "PrivateMemory": "memory",
        "TreeMemory": "tree_memory",
        "UnledgeredSketch": "errors",
        "exact_attention": "exact",
        "replace_cross_attention": "replacement",
    },
)
