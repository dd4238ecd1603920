"""What the pool says when it does not render: too busy, too slow, no child, no room, stopped."""

import errno

from domain.errors import InvalidImage, Unavailable

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})  # of OSError.errno


def crowded() -> Unavailable:
    """The refusal of one picture more than may wait."""
    return Unavailable(
        "overloaded",
        "Too many pictures are waiting to be rendered.",
        fix="Send the same request again after the time in Retry-After.",
        headers={"retry-after": "2"},
    )


def no_renderer() -> Unavailable:
    """The refusal while no render child can be started."""
    return Unavailable(
        "overloaded",
        "No renderer can be started at the moment.",
        fix="Send the same request again after the time in Retry-After.",
        headers={"retry-after": "5"},
    )


def no_room() -> Unavailable:
    """The refusal while the disk is full: the operator's fault, not the picture's."""
    return Unavailable(
        "overloaded",
        "There is no room on the disk of this installation.",
        fix="Send the same request again when its operator has made room.",
    )


def timed_out(wall_s: float) -> Unavailable:
    """The refusal of a picture that takes too long."""
    return Unavailable(
        "timeout",
        f"The picture could not be rendered within {wall_s:g} seconds.",
        fix="Send a smaller picture, or the same one again when the service is less busy.",
        headers={"retry-after": "5"},
    )


class RendererLost(InvalidImage):
    """Two renderers were lost over one picture: its fault, or two mishaps in a row."""


def stopped_twice() -> RendererLost:
    """The refusal of a picture that two renderers did not survive."""
    return RendererLost(
        "malformed_image",
        "The picture stopped the renderer twice.",
        param="image",
        fix="Open the picture in an editor and save it anew.",
    )
