"""Set the process up as a render child does, and make photos that tests can share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from imaging import engine

engine.prepare()

from imaging.limits import Limits  # noqa: E402 - numpy reads the thread settings when it is loaded
from imaging.pipeline import render  # noqa: E402
from imaging.recipe import Recipe  # noqa: E402
from imaging.rendered import Rendered  # noqa: E402

Render = Callable[..., tuple[Rendered, Path]]


@pytest.fixture
def made(tmp_path: Path) -> Render:
    """Render a file or its bytes with a recipe; answers what was rendered and where it lies."""

    def make(source: Path | bytes, **wishes: object) -> tuple[Rendered, Path]:
        if isinstance(source, bytes):
            (tmp_path / "source").write_bytes(source)
            source = tmp_path / "source"
        wishes.setdefault("width_px", 500)
        wishes.setdefault("height_px", 500)
        wishes.setdefault("output_format", "png")
        out = tmp_path / "out"
        recipe = Recipe(**wishes)  # type: ignore[arg-type] # a test states a recipe's own fields
        return render(source, recipe, destination=out, limits=Limits()), out

    return make
