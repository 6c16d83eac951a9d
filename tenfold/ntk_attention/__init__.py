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
        "adapter_names": "model",
        "adapter_state_dict": "model",
        "disable_adapter": "model",
        "distil_prefix": "distillation",
        "from_pretrained": "save_and_load",
        "inject": "model",
        "save_pretrained": "save_and_load",
        "set_adapter": "model",
        "trainable_parameters": "model",
    },
)
