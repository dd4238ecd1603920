"""Shapes of answers that more than one endpoint gives: the models of the HTTP API's "Shapes"."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from domain.output import Output
from packshot.edge.files import FileAnswer

Time = Annotated[
    datetime,
    PlainSerializer(
        lambda at: at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        return_type=str,
    ),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time as every answer writes it: RFC 3339, UTC, with ``Z``."""


WholeBox = Annotated[
    list[int], BeforeValidator(lambda box: [round(edge) for edge in box]), Field(min_length=4)
]


class Answer(BaseModel):
    """A JSON answer, in camelCase."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True
    )


class SubjectAnswer(Answer):
    """Where the product is: boxes are [left, top, width, height] in whole pixels.

    ``box`` lies on the output, ``sourceBox`` on the upright source; ``fill`` is the share of the
    canvas' limiting side that the product takes.
    """

    box: WholeBox
    source_box: WholeBox
    fill: float
    confidence: float = Field(ge=0, le=1)
    engine: str


class WarningAnswer(Answer):
    """Something that the caller may want to know; the picture came all the same."""

    code: str
    detail: str


class TimingsAnswer(Answer):
    """Milliseconds spent on the picture."""

    decode_ms: int
    process_ms: int
    encode_ms: int


class PresetAnswer(Answer):
    """The preset that was applied."""

    label: str
    version: int


class OutputAnswer(Answer):
    """A finished picture."""

    output_id: str | None
    job_id: str | None
    url: str
    format: str
    width: int
    height: int
    bytes: int
    bytes_sha256: str
    pixel_sha256: str
    recipe_hash: str
    engine: Mapping[str, str]
    subject: SubjectAnswer | None
    generated: bool
    cached: bool
    warnings: list[WarningAnswer]
    thumbnail_url: str | None
    timings: TimingsAnswer | None
    preset: PresetAnswer | None
    preset_label: str | None
    sku: str | None
    client_ref: str | None
    created_at: Time


def output_answer(output: Output) -> OutputAnswer:
    """The output as the log holds it; whoever made it just now knows its timings besides."""
    return OutputAnswer(
        output_id=str(output.output_id),
        job_id=str(output.job_id),
        url=f"/api/v1/outputs/{output.output_id}/content",
        format=output.format,
        width=output.width_px,
        height=output.height_px,
        bytes=output.size_bytes,
        bytes_sha256=output.bytes_sha256,
        pixel_sha256=output.pixel_sha256,
        recipe_hash=output.recipe_hash,
        engine=output.engine,
        subject=None if output.subject is None else SubjectAnswer.model_validate(output.subject),
        generated=output.generated,
        cached=False,
        warnings=[WarningAnswer.model_validate(warning) for warning in output.warnings],
        thumbnail_url=None,
        timings=None,
        preset=None,
        preset_label=output.preset_label,
        sku=output.sku,
        client_ref=output.client_ref,
        created_at=output.created_at,
    )


def timings_answer(timings: Mapping[str, float]) -> TimingsAnswer | None:
    """The timings of a render; None when there was none to time."""
    if not timings:
        return None
    return TimingsAnswer.model_validate({name: round(ms) for name, ms in timings.items()})


def file_answer(output: Output, path: Path) -> FileAnswer:
    """The bytes of an output as an answer."""
    return FileAnswer(
        path,
        name=f"{output.output_id}.{output.format}",
        media_type=f"image/{output.format}",
        sha256=output.bytes_sha256,
        size_bytes=output.size_bytes,
    )
