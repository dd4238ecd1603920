"""What a job may ask for: an operation with its own fields, when it is done, and of what."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import ConfigDict, Field

from domain.job import HIGHEST_PRIORITY, LOWEST_PRIORITY, USUAL_PRIORITY
from imaging.operations import RECIPES
from packshot.edge.fields import Word
from packshot.edge.items import ItemList
from packshot.edge.moments import Moment
from packshot.edge.operations import (
    BackgroundForm,
    BackgroundItem,
    ProcessForm,
    ProcessItem,
    RelightForm,
    RelightItem,
    UpscaleForm,
    UpscaleItem,
)
from packshot.edge.quantities import WholeNumber
from packshot.edge.sources import PictureForm

MOST_AHEAD = timedelta(days=30)
Operation = Annotated[
    str,
    Word(tuple(RECIPES), not_yet=(("compliance", "reports come from /compliance alone."),)),
]
ITEMS = Field(None, description="A batch: each item its picture and own fields, the rest for all.")


class JobForm(PictureForm):
    """Image work, when it is to be done, and who is told of its end.

    ``operation`` says what is asked for, and so which fields there are.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["imageUrl"]},
                {"required": ["outputId"]},
                {"required": ["items"]},
            ]
        }
    )

    operation: Operation = Field("process", description="What to do with the picture.")
    priority: Annotated[
        int, WholeNumber(LOWEST_PRIORITY, HIGHEST_PRIORITY, example=USUAL_PRIORITY)
    ] = Field(USUAL_PRIORITY, description="Higher ones of the same organization go first.")
    not_before: Annotated[datetime, Moment(MOST_AHEAD)] | None = Field(
        None, description="The job is not begun before this time, at most 30 days ahead."
    )
    items: list[object] | None = None

    @classmethod
    def chosen(cls, values: Mapping[str, object]) -> "type[JobForm]":
        """The form of the operation; that of process where none of ours is named."""
        named = values.get("operation")
        return _FORMS.get(named.strip().lower() if isinstance(named, str) else "", ProcessJobForm)

    @classmethod
    def variants(cls) -> "Sequence[type[JobForm]]":
        """The form of every operation."""
        return tuple(_FORMS.values())


class ProcessJobForm(ProcessForm, JobForm):
    """A job that makes packshots."""

    items: Annotated[list[object], ItemList(ProcessItem)] | None = ITEMS


class UpscaleJobForm(UpscaleForm, JobForm):
    """A job that enlarges pictures."""

    items: Annotated[list[object], ItemList(UpscaleItem)] | None = ITEMS


class BackgroundJobForm(BackgroundForm, JobForm):
    """A job that puts subjects before backdrops."""

    items: Annotated[list[object], ItemList(BackgroundItem)] | None = ITEMS


class RelightJobForm(RelightForm, JobForm):
    """A job that puts subjects in another light."""

    items: Annotated[list[object], ItemList(RelightItem)] | None = ITEMS


_FORMS: Mapping[str, type[JobForm]] = {
    "process": ProcessJobForm,
    "upscale": UpscaleJobForm,
    "backgrounds/generate": BackgroundJobForm,
    "relight/shadow": RelightJobForm,
}
