"""What the log says: one JSON line per event, and never the secret of a key."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from traceback import extract_tb
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

# Wider than a whole key on purpose: what begins like a secret is cut, also when it is damaged.
KEY_SHAPED = re.compile(rb"(pshot_(?:live|test)_[0-9A-Za-z]{1,8})_[0-9A-Za-z]+")


log = structlog.get_logger()


def configure_logs(file: Any = None) -> None:
    """Send every log line of this process, as JSON, to the binary ``file`` (None: standard out)."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            render_redacted,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("INFO"),
        logger_factory=structlog.BytesLoggerFactory(file),
        cache_logger_on_first_use=True,
    )


def render_redacted(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    """Render the event as JSON; whatever is shaped like a key keeps only its public prefix.

    The redaction works on the finished line, so that no field, exception text or nested value
    can carry a key around it.
    """
    event["timestamp"] = datetime.now(UTC)
    line = orjson.dumps(event, default=str, option=orjson.OPT_UTC_Z)
    if b"pshot_" in line:
        line = KEY_SHAPED.sub(rb"\1_[redacted]", line)
    return line


def log_unhandled(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what a task of the event loop died of: each error's kind and place, never its words.

    The server quotes the bytes that it could not read, and HTTP/2 packs a key in them so that no
    pattern finds it.
    """
    error = context.get("exception")
    places = [_place_of(leaf) for leaf in _leaves(error)] if error is not None else []
    log.error("task_died", message=context.get("message"), errors=places)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _place_of(error: BaseException) -> str:
    frames = extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + place
