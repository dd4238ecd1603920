"""Accept: the picture's bytes for who prefers a picture, JSON for everybody else."""

import pytest

from packshot.edge.negotiation import wants_bytes


@pytest.mark.parametrize(
    "accept",
    [
        "image/*", "image/png", "IMAGE/JPEG", "image/webp;q=0.5", "image/*, */*;q=0.8",
        "text/html,application/xhtml+xml,image/avif,image/webp,*/*;q=0.8",
        "image/jpeg;q=0.9, application/json;q=0.8",
    ],
)  # fmt: skip
def test_who_prefers_a_picture_gets_its_bytes(accept: str) -> None:
    assert wants_bytes(accept)


@pytest.mark.parametrize(
    "accept",
    [
        None, "", "*/*", "application/json", "application/json, image/*", "text/html",
        "image/*;q=0.5, application/json", "image/*;q=0", "image/*;q=abc", "image/*, */*",
        "application/*, image/*;q=0.9",
    ],
)  # fmt: skip
def test_everybody_else_gets_json(accept: str | None) -> None:
    assert not wants_bytes(accept)
