"""An output: a finished picture, with everything needed to make it again and to prove it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from domain.ids import JobId, OutputId


@dataclass(frozen=True, slots=True)
class Output:
    """A finished picture as its job recorded it.

    ``bytes_sha256`` names its bytes in the blob store; ``pixel_sha256`` is over its decoded
    pixels. ``subject`` holds box and source_box as [left, top, width, height], fill, confidence
    and engine. ``plan`` is what the pipeline decided from the picture, ``recipe`` what was asked.
    """

    output_id: OutputId
    job_id: JobId
    format: str
    width_px: int
    height_px: int
    size_bytes: int
    bytes_sha256: str
    pixel_sha256: str
    recipe_hash: str
    recipe: Mapping[str, Any]
    engine: Mapping[str, str]
    source: Mapping[str, Any]
    plan: Mapping[str, Any]
    subject: Mapping[str, Any] | None
    warnings: Sequence[Mapping[str, Any]]
    generated: bool
    preset_label: str | None
    sku: str | None
    client_ref: str | None
    created_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """The output as an event stores it, JSON-native."""
        return asdict(self) | {
            "output_id": str(self.output_id),
            "job_id": str(self.job_id),
            "created_at": self.created_at.isoformat(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The output of an event's data."""
        return cls(
            **{
                **stored,
                "output_id": OutputId.parse(stored["output_id"]),
                "job_id": JobId.parse(stored["job_id"]),
                "created_at": datetime.fromisoformat(stored["created_at"]),
            }
        )
