"""What the log says: one JSON line per event, and never the secret of a key."""

import re
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

# Wider than a whole key on purpose: what begins like a secret is cut, also when it is damaged.
KEY_SHAPED = re.compile(rb"(pshot_(?:live|test)_[0-9A-Za-z]{1,8})_[0-9A-Za-z]+")


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
