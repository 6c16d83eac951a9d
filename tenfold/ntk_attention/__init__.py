"""NTK-Attention: a prefix of any length as two sums a head (arXiv 2406.14036)."""

from tenfold.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "BudgetMismatch": "errors",
        "InvalidAdapter": "errors",
        "NTKAttentionConfig": "config",
        "PrefixConfig": "config",
        "UnsupportedModel": "errors",
        "adapter_names": "injection",
        "adapter_state_dict": "injection",
        "disable_adapter": "injection",
        "distil_prefix": "distillation",
        "from_pretrained": "storage",
        "inject": "injection",
        "save_pretrained": "storage",
        "set_adapter": "injection",
        "trainable_parameters": "injection",
    },
)
