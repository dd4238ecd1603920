"""Valid things, so that a test states only what matters to it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from domain.ids import JobId, OutputId
from domain.output import Output


def an_output(**wish: Any) -> Output:
    """A finished picture of 2000 by 2000 pixels."""
    output = Output(
        output_id=OutputId.new(),
        job_id=JobId.new(),
        format="jpeg",
        width_px=2000,
        height_px=2000,
        size_bytes=400_000,
        bytes_sha256="a" * 64,
        pixel_sha256="b" * 64,
        recipe_hash="c" * 64,
        recipe={"width": 2000},
        engine={"libvips": "8.18.7", "pyvips": "3.2.0", "arch": "x86_64"},
        source={"format": "jpeg", "width": 4000, "height": 3000, "sha256": "d" * 64, "bytes": 9},
        plan={},
        subject=None,
        warnings=[],
        generated=False,
        preset_label=None,
        sku=None,
        client_ref=None,
        created_at=datetime(2026, 11, 22, 12, tzinfo=UTC),
    )
    return replace(output, **wish)
