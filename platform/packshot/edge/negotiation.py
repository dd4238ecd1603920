"""Which of two answers a client wants: the description as JSON, or the picture's bytes."""

from collections.abc import Iterable

JSON = ("application", "json")


def wants_bytes(accept: str | None) -> bool:
    """True when the Accept header prefers a picture to JSON.

    Media ranges and their q-values are weighed as RFC 9110, 12.5.1 says; JSON wins a draw, since
    it is the default (``*/*``, no header).
    """
    if not accept or "image/" not in accept.lower():
        return False
    ranges = [_media_range(part) for part in accept.lower().split(",")]
    image = max((q for (kind, _), q in ranges if kind == "image"), default=0.0)
    return image > _json_quality(ranges)


def wants_async(prefer: Iterable[str]) -> bool:
    """True when a ``Prefer: respond-async`` header (RFC 7240) asks for a job instead of a wait."""
    wishes = (wish for header in prefer for wish in header.lower().split(","))
    return any(wish.partition(";")[0].strip() == "respond-async" for wish in wishes)


def _json_quality(ranges: list[tuple[tuple[str, str], float]]) -> float:
    """The q-value of the most specific range that matches JSON; 0 when none does."""
    weights = dict(ranges)
    for candidate in (JSON, ("application", "*"), ("*", "*")):
        if candidate in weights:
            return weights[candidate]
    return 0.0


def _media_range(part: str) -> tuple[tuple[str, str], float]:
    media, *parameters = (piece.strip() for piece in part.split(";"))
    kind, _, subtype = media.partition("/")
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            quality = _quality(value.strip())
    return (kind, subtype), quality


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0
