"""Sounds: files as people have them, log-mel spectrograms, and Whisper's encoder."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.audio.errors import AudioError as AudioError
    from tenfold.audio.errors import InvalidSound as InvalidSound
    from tenfold.audio.files import Sound as Sound
    from tenfold.audio.files import load_sound as load_sound
    from tenfold.audio.files import read_sound as read_sound
    from tenfold.audio.mel import LogMel as LogMel
    from tenfold.audio.samples import fixed_length as fixed_length
    from tenfold.audio.samples import resampled as resampled
    from tenfold.audio.whisper import convert_whisper as convert_whisper
    from tenfold.audio.whisper import load_whisper_encoder as load_whisper_encoder
else:
    __getattr__, __dir__, __all__ = exports(__name__)
