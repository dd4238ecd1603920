"""The engine: which libraries make the pixels, and how a process that renders is set up."""

import os
import platform
from importlib.metadata import version

# Single-threaded libraries: the pool runs one process per core, and the same bytes come out
# whatever the machine (measured: JPEG, PNG and WebP do not depend on the number of threads).
_ONE_THREAD = ("VIPS_CONCURRENCY", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")

# Raised with every change of the steps that changes pixels.
ALGORITHM = "4"


def fingerprint() -> dict[str, str]:
    """Name everything that can change the pixels or bytes of an output for one recipe.

    libvips decodes, scales and encodes; numpy and OpenCV fit and apply the backdrop; Pillow
    enlarges. ``algorithm`` is this package's own version of the steps.
    """
    import pyvips  # noqa: PLC0415 - an API process that only names the engine need not load it before

    libvips = ".".join(str(pyvips.version(part)) for part in range(3))
    return {
        "pyvips": version("pyvips"),
        "libvips": libvips,
        "numpy": version("numpy"),
        "opencv": version("opencv-python-headless"),
        "pillow": version("pillow"),
        "arch": platform.machine(),
        "algorithm": ALGORITHM,
    }


def prepare() -> None:
    """Set up this process to render: one thread, no caches, and only the loaders that are accepted.

    Call it first thing in a render child, before numpy or libvips do any work: OpenBLAS reads its
    variable when it is loaded. It may be called again without harm.
    """
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    import cv2  # noqa: PLC0415 - after the environment
    import pyvips  # noqa: PLC0415 - after the environment

    cv2.setNumThreads(1)
    pyvips.cache_set_max(0)
    blocked, allowed = True, False
    pyvips.block_untrusted_set(blocked)
    pyvips.operation_block_set("VipsForeignLoad", blocked)
    for loader in ("Jpeg", "Png", "Webp"):
        pyvips.operation_block_set(f"VipsForeignLoad{loader}", allowed)
