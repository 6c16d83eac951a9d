"""What can be wrong with images and with the files that hold them."""

from __future__ import annotations


class InvalidImages(ValueError):
    """Images of another shape, type or size than was asked for, or a file that holds none."""


class MissingImages(FileNotFoundError):
    """There is no folder of images in class subfolders where one was named."""
