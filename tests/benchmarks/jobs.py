"""Jobs end to end: how fast, what they cost beside the render, how soon, and in a long queue."""

import os
from pathlib import Path
from typing import Any

import structlog

from benchmarks.imaging import large_photo
from benchmarks.jobs_cost import cost_rows
from benchmarks.jobs_depth import depth_rows
from benchmarks.jobs_throughput import throughput_rows
from benchmarks.webhooks import webhook_rows


def run() -> list[dict[str, Any]]:
    """Measure the section `jobs` of the targets, and `scaling`; some minutes on two cores."""
    return [
        *throughput_rows(large_photo(48).read_bytes()),
        *cost_rows(),
        *depth_rows(),
        *_webhook_rows(),
    ]


def _webhook_rows() -> list[dict[str, Any]]:
    """The row ``webhook-rate``; the sender's log lines are written, but not into the table."""
    with Path(os.devnull).open("w") as nowhere:
        structlog.configure(logger_factory=structlog.WriteLoggerFactory(nowhere))
        return webhook_rows()
