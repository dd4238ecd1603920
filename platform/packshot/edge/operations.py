"""The forms of each operation: of one picture, and of one item of a batch."""

from typing import ClassVar

from packshot.edge.backdrops import BackgroundFields
from packshot.edge.lighting import RelightFields
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


class BackgroundItem(SourceForm, BackgroundFields):
    """One item before a backdrop that is made."""


class BackgroundForm(PictureForm, BackgroundFields):
    """A subject before a backdrop that is made."""

    item_form: ClassVar[type[SourceForm]] = BackgroundItem


class RelightItem(SourceForm, RelightFields):
    """One item in another light."""


class RelightForm(PictureForm, RelightFields):
    """A subject in another light."""

    item_form: ClassVar[type[SourceForm]] = RelightItem
