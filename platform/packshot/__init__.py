"""Packshot: product photos in, marketplace-ready images out, with a history that can be proved."""

__version__ = "0.1.0"
