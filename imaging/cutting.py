"""Cuts a found subject out of its picture: scaled to the canvas, with an alpha of its own."""

from imaging.running import Steps
from imaging.steps.cut_out import cut_out
from imaging.steps.decode import reread
from imaging.steps.resample import cut_by_alpha, resample
from imaging.work import Work


def cut(work: Work) -> None:
    """Fill ``cover`` by the picture's own alpha where it has one, else by its plain backdrop."""
    assert work.backdrop is not None
    (cut_by_alpha if work.backdrop.kind == "transparent" else cut_out)(work)


SCALE: Steps = (("process_ms", reread), ("process_ms", resample))
CUT: Steps = (("process_ms", cut),)
