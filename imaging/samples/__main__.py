"""Draws the sample photos into a folder: `python -m imaging.samples FOLDER`."""

import sys
from pathlib import Path

from imaging.samples.photos import QUALITY, sample_photos


def main(folder: Path) -> None:
    """Write each photo as ``<name>.jpg``."""
    folder.mkdir(parents=True, exist_ok=True)
    for photo in sample_photos():
        (folder / f"{photo.name}.jpg").write_bytes(photo.drawn().jpeg(QUALITY))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
