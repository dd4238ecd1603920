"""Measure the imaging room: the main job against plain pyvips, its memory, and its eye.

Run it as ``python tests/benchmarks/imaging.py [--json FILE]``. Ratios are measured pairwise, one
after the other in one process, after a warm-up, median of five; memory in a process of its own.
Photos are synthetic (``tests/pictures.py``) and made into ``.cache/`` once.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from imaging import engine  # noqa: E402 - found through the line above

engine.prepare()

import cv2  # noqa: E402 - after the thread settings
import numpy as np  # noqa: E402
import pyvips  # noqa: E402

import pictures  # noqa: E402
from benchmarks.rows import row  # noqa: E402
from imaging.limits import Limits  # noqa: E402
from imaging.pipeline import render  # noqa: E402
from imaging.recipe import Recipe  # noqa: E402

CACHE = ROOT / ".cache" / "imaging"
SIDES = {12: (4000, 3000), 48: (8000, 6000), 100: (11544, 8658)}
MUST = {12: 2.0, 48: 1.5, 100: 1.4}
ROUNDS = 5
PHOTOS = 60
Row = dict[str, Any]


def run() -> list[Row]:
    """Measure every name of the imaging section that exists so far."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        return [*_render_rows(out), _memory_row(), *_eye_rows(out)]


def _render_rows(out: Path) -> list[Row]:
    rows = []
    for megapixels in SIDES:
        source = large_photo(megapixels)
        ratio = _ratio(
            lambda source=source: render(source, Recipe(), destination=out, limits=Limits()),
            lambda source=source: plain_two_pass(source),
        )
        must = MUST[megapixels]
        rows.append(row(f"render-{megapixels}", ratio, unit="ratio", target=must))
    return rows


def _ratio(ours: Callable[[], object], theirs: Callable[[], object]) -> float:
    """The median of paired wall times: one after the other, so that both meet the same machine."""
    ours(), theirs()
    return statistics.median(_seconds(ours) / _seconds(theirs) for _ in range(ROUNDS))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def large_photo(megapixels: int) -> Path:
    """A synthetic photo of 12, 48 or 100 megapixels with sensor noise, baseline JPEG.

    Its product takes 62 % of the frame's width, as product photos do.
    """
    path = CACHE / f"photo-{megapixels}.jpg"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        small = pictures.photo(
            shape="ring", light="vignette", shadow="soft", noise=0, size=(1600, 1200), share=0.8
        )
        width, height = SIDES[megapixels]
        image = pyvips.Image.new_from_memory(small.pixels.tobytes(), 1600, 1200, 3, "uchar")
        image = image.resize(width / 1600, vscale=height / 1200, kernel="cubic")
        grain = [pyvips.Image.gaussnoise(width, height, sigma=2.5, mean=0) for _ in range(3)]
        noisy = (image + pyvips.Image.bandjoin(grain[0], grain[1:])).cast("uchar")
        noisy.copy(interpretation="srgb").jpegsave(str(path), Q=92, subsample_mode="off")
    return path


def plain_two_pass(source: Path, *, canvas: int = 2000, probe: int = 512) -> bytes:
    """What a careful pyvips user writes: find the box on a thumbnail, then crop and resize.

    Its white is a flat fill, its box includes the shadow, and its backdrop stays grey.
    """
    data = source.read_bytes()
    full = pyvips.Image.new_from_buffer(data, "", access="sequential")
    small = pyvips.Image.thumbnail_buffer(data, probe, height=probe, size="down").numpy()
    ends = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    far = np.abs(small.astype(np.int16) - np.median(ends, axis=0)).max(axis=2) > 10
    rows, columns = np.flatnonzero(far.sum(axis=1) > 2), np.flatnonzero(far.sum(axis=0) > 2)
    unit = full.width / small.shape[1]
    left, top = columns[0] * unit, rows[0] * unit
    width, height = (columns[-1] + 1) * unit - left, (rows[-1] + 1) * unit - top
    scale = min(0.84 * canvas / width, 0.84 * canvas / height)
    image = pyvips.Image.thumbnail_buffer(
        data, round(full.width * scale), height=round(full.height * scale), size="force"
    )
    x, y = int(left * scale), int(top * scale)
    image = image.crop(
        x,
        y,
        min(image.width - x, round(width * scale)),
        min(image.height - y, round(height * scale)),
    )
    image = image.gravity("centre", canvas, canvas, extend="background", background=[255] * 3)
    encoded: bytes = image.jpegsave_buffer(
        Q=92, keep="none", optimize_coding=True, subsample_mode="off"
    )
    return encoded


def _memory_row() -> Row:
    """The peak of a child that renders the 100-megapixel photo, in MB of 10^6 bytes."""
    large_photo(100)
    code = (
        "import sys; sys.path[:0] = sys.argv[1:3]\n"
        "import benchmarks.imaging as bench\n"
        "bench.child()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT), str(ROOT / "tests")],
        check=True,
        capture_output=True,
        text=True,
    )
    peak = float(done.stdout)
    return row("memory-child", peak, unit="MB", target=512)


def child() -> None:
    """Render the largest photo and print this process' peak resident memory."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        render(large_photo(100), Recipe(), destination=out, limits=Limits())
    sys.stdout.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6))


def _eye_rows(out: Path) -> list[Row]:
    overlaps, whites = [], []
    for _, draw in pictures.photos(PHOTOS):
        photo = draw()
        source = photo.save(out.with_suffix(".jpg"))
        recipe = Recipe(width_px=1000, height_px=1000, output_format="png")
        rendered = render(source, recipe, destination=out, limits=Limits())
        found = rendered.subject
        overlaps.append(pictures.overlap(found.source_box, photo.box) if found else 0.0)
        whites.append(white_share(cv2.imread(str(out)), photo, rendered.plan["placement"]))
    median, worst, white = statistics.median(overlaps), min(overlaps), statistics.mean(whites)
    return [
        row("box-iou-median", median, unit="IoU", target=0.97, better="more"),
        row("box-iou-worst", worst, unit="IoU", target=0.9, better="more"),
        row("border", white, unit="share of plain pixels = 255", target=1.0, better="more"),
    ]


def white_share(
    output: cv2.typing.MatLike, photo: pictures.Photo, placement: dict[str, Any]
) -> float:
    """The share of the pixels that are nothing but backdrop that came out exactly white."""
    scale, (x, y) = placement["scale"], placement["offset"]
    move = np.array([[scale, 0, x + scale / 2 - 0.5], [0, scale, y + scale / 2 - 0.5]])
    plain = cv2.warpAffine(
        photo.plain.astype(np.float32), move, output.shape[1::-1], borderValue=[1.0]
    )
    certain = cv2.erode((plain > 0.999).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return float((output[certain].min(axis=1) == 255).mean()) if certain.any() else 1.0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    measured = run()
    for row in measured:
        sys.stdout.write(
            f"{row['name']:16} {row['value']:>10} {row['unit']}  must {row['target']}\n"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=1))
