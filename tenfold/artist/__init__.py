"""Images with text by two disentangled diffusion models: ARTIST (arXiv:2406.12044)."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.artist.conditions import Conditions as Conditions
    from tenfold.artist.denoiser import Denoiser as Denoiser
    from tenfold.artist.denoiser import DenoiserConfig as DenoiserConfig
    from tenfold.artist.injector import Injector as Injector
    from tenfold.artist.model import Artist as Artist
    from tenfold.artist.pipeline import ArtistPipeline as ArtistPipeline
    from tenfold.artist.sampling import SamplingConfig as SamplingConfig
    from tenfold.artist.stable_diffusion import from_stable_diffusion as from_stable_diffusion
else:
    __getattr__, __dir__, __all__ = exports(__name__)
