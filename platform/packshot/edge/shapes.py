"""Shapes of answers that more than one endpoint gives: the models of the HTTP API's "Shapes"."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from domain.output import Output

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

    output_id: str
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


def output_answer(
    output: Output,
    *,
    cached: bool = False,
    timings: Mapping[str, float] | None = None,
    **asked: Any,
) -> OutputAnswer:
    """The output as it is answered; ``asked`` holds this request's own label, sku and reference."""
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
        cached=cached,
        warnings=[WarningAnswer.model_validate(warning) for warning in output.warnings],
        thumbnail_url=None,
        timings=_timings_answer(timings) if timings else None,
        preset=None,
        preset_label=asked.get("preset_label", output.preset_label),
        sku=asked.get("sku", output.sku),
        client_ref=asked.get("client_ref", output.client_ref),
        created_at=output.created_at,
    )


def _timings_answer(timings: Mapping[str, float]) -> TimingsAnswer:
    return TimingsAnswer.model_validate({name: round(ms) for name, ms in timings.items()})
