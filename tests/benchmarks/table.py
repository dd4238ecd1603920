"""Runs one bench, prints its rows beside their targets and writes them as JSON.

``python -m benchmarks.table NAME [FILE]``; ``NAME`` is a module of this folder whose ``run()``
returns rows of name, value, unit, target and met (None where there is no target).
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

MARKS = {True: "yes", False: "NO", None: ""}


def main(name: str, destination: str | None = None) -> int:
    """Return 1 when a figure misses its target."""
    rows: list[dict[str, Any]] = importlib.import_module(f"benchmarks.{name}").run()
    if destination is not None:
        Path(destination).write_text(json.dumps(rows, indent=2) + "\n")
    width = max((len(row["name"]) for row in rows), default=4)
    print(f"{'name':<{width}}  {'value':>12}  {'target':>12}  {'unit':<10}  met")
    for row in rows:
        value, target = _figure(row["value"]), _figure(row["target"])
        mark = MARKS[row["met"]]
        print(f"{row['name']:<{width}}  {value:>12}  {target:>12}  {row['unit']:<10}  {mark}")
    return int(any(row["met"] is False for row in rows))


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
