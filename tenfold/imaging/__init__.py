"""Image files and folders, pixels as tensors, sizes and grids."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.imaging.errors import InvalidImages as InvalidImages
    from tenfold.imaging.errors import MissingImages as MissingImages
    from tenfold.imaging.files import as_pixels as as_pixels
    from tenfold.imaging.files import load_images as load_images
    from tenfold.imaging.files import open_image as open_image
    from tenfold.imaging.files import save_images as save_images
    from tenfold.imaging.folders import CroppedImages as CroppedImages
    from tenfold.imaging.folders import class_folders as class_folders
    from tenfold.imaging.grids import image_grid as image_grid
    from tenfold.imaging.pixels import to_pixels as to_pixels
    from tenfold.imaging.pixels import to_tensor as to_tensor
else:
    __getattr__, __dir__, __all__ = exports(__name__)
