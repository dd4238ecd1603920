"""What a request for a job names beside its wish, and what a command on a job answers."""

from dataclasses import dataclass
from datetime import datetime

from domain.job import USUAL_PRIORITY, Job
from packshot.store.head import LogHead


@dataclass(frozen=True, slots=True)
class Link:
    """A photo that a worker is to fetch; its address was checked when it was asked for."""

    url: str


@dataclass(frozen=True, slots=True)
class Plan:
    """When a job is to be done."""

    priority: int = USUAL_PRIORITY
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """A job after a command, and the head of the log that says so."""

    job: Job
    head: LogHead
