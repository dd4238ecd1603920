"""The forms of each operation: of one picture, and of one item of a batch."""

from typing import ClassVar

from packshot.edge.recipes import RecipeForm
from packshot.edge.sources import PictureForm, SourceForm
from packshot.edge.upscaling import UpscaleFields


class ProcessItem(SourceForm, RecipeForm):
    """A packshot of one item."""


class ProcessForm(PictureForm, RecipeForm):
    """A packshot of a photo."""

    item_form: ClassVar[type[SourceForm]] = ProcessItem


class UpscaleItem(SourceForm, UpscaleFields):
    """One item, enlarged."""


class UpscaleForm(PictureForm, UpscaleFields):
    """A picture, enlarged."""

    item_form: ClassVar[type[SourceForm]] = UpscaleItem
