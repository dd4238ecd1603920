"""What the pool says when it does not render: too busy, too slow, not able to, twice stopped."""

from domain.errors import InvalidImage, Unavailable


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


def timed_out(wall_s: float) -> Unavailable:
    """The refusal of a picture that takes too long."""
    return Unavailable(
        "timeout",
        f"The picture could not be rendered within {wall_s:g} seconds.",
        fix="Send a smaller picture, or the same one again when the service is less busy.",
        headers={"retry-after": "5"},
    )


def stopped_twice() -> InvalidImage:
    """The refusal of a picture that two renderers did not survive."""
    return InvalidImage(
        "malformed_image",
        "The picture stopped the renderer twice.",
        param="image",
        fix="Open the picture in an editor and save it anew.",
    )
