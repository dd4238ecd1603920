"""When memory or disk runs out under a child, the picture is not called broken for it."""

from pathlib import Path

import numpy as np
import pytest
import pyvips

from domain.errors import Refusal
from imaging.recipe import Recipe
from packshot.render import process as process_module
from packshot.render.pool import RenderPool
from pictures import encoded

FULL = Path("/dev/full")  # full(4): every write fails with ENOSPC
# What renders 9 megapixels, and not their WebP of the highest quality, which takes 275 and more.
TOO_LITTLE_BYTES = 245 * 1024**2


@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
async def test_a_full_disk_is_not_the_pictures_fault(pool: RenderPool, tmp_path: Path) -> None:
    source = tmp_path / "photo"
    source.write_bytes(encoded("jpeg"))
    children = set(pool.children)

    with pytest.raises(Refusal, match="no room on the disk") as refused:
        await pool.render(source, Recipe(width_px=300, height_px=300), destination=FULL)

    assert refused.value.code == "overloaded"
    assert set(pool.children) == children


async def test_a_webp_that_needs_too_much_memory_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "MEMORY_BUDGET_BYTES", TOO_LITTLE_BYTES)
    source = tmp_path / "noise.jpg"
    noise = np.random.default_rng(1).integers(0, 255, (2000, 2000, 3), dtype=np.uint8)
    pyvips.Image.new_from_array(noise).jpegsave(str(source))
    recipe = Recipe(width_px=3000, height_px=3000, output_format="webp", quality=100)
    pool = RenderPool(1)
    await pool.start()
    children = set(pool.children)
    try:
        with pytest.raises(Refusal) as refused:
            await pool.render(source, recipe, destination=tmp_path / "output")

        assert refused.value.code == "too_much_memory"
        assert set(pool.children) == children
    finally:
        await pool.stop()
