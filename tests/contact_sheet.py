"""Lay a folder of photos out as one sheet: before with the found box, after, after stretched.

Run it as ``python tests/contact_sheet.py FOLDER SHEET.png``. The third picture of each row shows
what the eye misses: values from 235 to 255 stretched over the whole range, in which a grey rest or
the edge of the photo stands out. Under a whitened photo stands how far the hues of its coloured
pixels turned (median, and the worst of 99 %, in degrees).
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from imaging import engine  # noqa: E402 - found through the line above

engine.prepare()

import numpy as np  # noqa: E402 - after the thread settings
from PIL import Image, ImageDraw, ImageOps  # noqa: E402

from domain.errors import Refusal  # noqa: E402
from hues import hue_turns, placed  # noqa: E402
from imaging.limits import Limits  # noqa: E402
from imaging.pipeline import render  # noqa: E402
from imaging.recipe import Recipe  # noqa: E402
from imaging.rendered import Rendered  # noqa: E402

CELL = 400
LINE = 44
# A smaller share of coloured pixels is a reflection, not a product's colour.
LEAST_COLOURED = 0.005
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def main(folder: Path, sheet: Path, *, per_row: int = 2) -> None:
    """Render every photo of a folder with the default recipe and write the sheet."""
    photos = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    with ProcessPoolExecutor(2) as pool:
        rows = list(pool.map(_row, photos))
    width, height = rows[0].size
    down = -(-len(rows) // per_row)
    out = Image.new("RGB", (width * per_row, height * down), "#777777")
    for index, row in enumerate(rows):
        out.paste(row, (index % per_row * width, index // per_row * height))
    out.save(sheet)


def _row(photo: Path) -> Image.Image:
    row = Image.new("RGB", (3 * CELL + 12, CELL + LINE), "#777777")
    before = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
    whole = np.asarray(before)
    before.thumbnail((CELL, CELL))
    with TemporaryDirectory() as folder:
        destination = Path(folder) / "after.jpg"
        try:
            rendered = render(photo, Recipe(), destination=destination, limits=Limits())
        except Refusal as refusal:
            ImageDraw.Draw(row).text((4, CELL + 2), f"{photo.name}: {refusal}", fill="white")
            return row
        after = Image.open(destination).convert("RGB")
    _draw_box(before, rendered, before.width / whole.shape[1])
    row.paste(before, (0, 0))
    row.paste(after.resize((CELL, CELL), Image.Resampling.LANCZOS), (CELL + 4, 0))
    row.paste(_stretched(after.reduce(5)), (2 * CELL + 8, 0))
    words = f"{_words(photo, rendered)}  {_hues(whole, np.asarray(after), rendered)}"
    ImageDraw.Draw(row).text((4, CELL + 2), words, fill="white")
    return row


def _draw_box(picture: Image.Image, rendered: Rendered, scale: float) -> None:
    if rendered.subject is not None:
        left, top, width, height = (side * scale for side in rendered.subject.source_box)
        draw = ImageDraw.Draw(picture)
        draw.rectangle((left, top, left + width - 1, top + height - 1), outline="#ff0060")


def _stretched(picture: Image.Image) -> Image.Image:
    levels = np.asarray(picture).astype(np.int32)
    return Image.fromarray(np.clip((levels - 235) * 255 // 20, 0, 255).astype(np.uint8))


def _words(photo: Path, rendered: Rendered) -> str:
    backdrop = rendered.plan["backdrop"]
    codes = ", ".join(
        warning.code for warning in rendered.warnings if warning.code != "fill_below_channel_rule"
    )
    subject = rendered.subject
    found = f"fill {subject.fill:.3f} conf {subject.confidence}" if subject else "no subject"
    return (
        f"{photo.name[:40]}  {backdrop['kind']} sigma {backdrop['sigma']} "
        f"rim {backdrop['coverage']}  {found}\n{codes}"
    )


def _hues(before: np.ndarray, after: np.ndarray, rendered: Rendered) -> str:
    if rendered.subject is None or "white" not in rendered.plan:
        return ""
    left, top, width, height = (round(side) for side in rendered.subject.box)
    inside = np.zeros(after.shape[:2], bool)
    inside[max(0, top) : top + height, max(0, left) : left + width] = True
    turns = hue_turns(placed(before, rendered.plan["placement"], after.shape[1::-1]), after, inside)
    if len(turns) < LEAST_COLOURED * inside.sum():
        return "hardly a colour"
    return f"hue turned {np.median(turns):.1f}, worst {np.percentile(turns, 99):.1f} degrees"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
