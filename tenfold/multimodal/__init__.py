"""Models that see or hear and speak: placeholders for features, labels of answers, groups of parameters."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.multimodal.decoders import load_decoder_with_placeholder as load_decoder_with_placeholder
    from tenfold.multimodal.errors import InvalidGroups as InvalidGroups
    from tenfold.multimodal.errors import MultimodalError as MultimodalError
    from tenfold.multimodal.errors import PlaceholderMismatch as PlaceholderMismatch
    from tenfold.multimodal.labels import answer_labels as answer_labels
    from tenfold.multimodal.labels import require_answers as require_answers
    from tenfold.multimodal.lora import lora_names as lora_names
    from tenfold.multimodal.lora import with_lora as with_lora
    from tenfold.multimodal.parameter_groups import parameters_by_group as parameters_by_group
    from tenfold.multimodal.parameter_groups import path_above as path_above
    from tenfold.multimodal.parameter_groups import shared_between_groups as shared_between_groups
    from tenfold.multimodal.parameter_groups import train_only as train_only
    from tenfold.multimodal.placeholders import Placeholder as Placeholder
    from tenfold.multimodal.placeholders import expand as expand
    from tenfold.multimodal.placeholders import place as place
else:
    __getattr__, __dir__, __all__ = exports(__name__)
