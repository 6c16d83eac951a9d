"""NTK-Attention: a prefix of any length as two sums per head (arXiv:2406.14036)."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.ntk_attention.config import NTKAttentionConfig as NTKAttentionConfig
    from tenfold.ntk_attention.config import PrefixConfig as PrefixConfig
    from tenfold.ntk_attention.distillation import distil_prefix as distil_prefix
    from tenfold.ntk_attention.errors import BudgetMismatch as BudgetMismatch
    from tenfold.ntk_attention.errors import InvalidAdapter as InvalidAdapter
    from tenfold.ntk_attention.errors import UnsupportedModel as UnsupportedModel
    from tenfold.ntk_attention.model import adapter_names as adapter_names
    from tenfold.ntk_attention.model import adapter_state_dict as adapter_state_dict
    from tenfold.ntk_attention.model import disable_adapter as disable_adapter
    from tenfold.ntk_attention.model import inject as inject
    from tenfold.ntk_attention.model import set_adapter as set_adapter
    from tenfold.ntk_attention.model import trainable_parameters as trainable_parameters
    from tenfold.ntk_attention.save_and_load import from_pretrained as from_pretrained
    from tenfold.ntk_attention.save_and_load import save_pretrained as save_pretrained
else:
    __getattr__, __dir__, __all__ = exports(__name__)
