"""What the terminal shows of a running installation: one stream of prefixed lines."""

import contextlib
import sys
from pathlib import Path

COLOURS = {"up": 36, "api": 32, "postgres": 34, "valkey": 35}  # ECMA-48, SGR foregrounds


def say(name: str, line: str) -> None:
    """Print one line of a process behind its name."""
    tag = f"{name:>8} | "
    if sys.stdout.isatty():
        tag = f"\x1b[{COLOURS.get(name, 0)}m{tag}\x1b[0m"
    write(f"{tag}{line.rstrip()}\n")


def banner(
    base_url: str,
    *,
    data: Path,
    org_id: str | None,
    api_key: str | None,
    setup_url: str | None,
    demo_shop_url: str | None,
) -> None:
    """Print where everything is; a first key and the owner's link are shown here only."""
    lines = [
        f"Packshot is ready at {base_url}",
        f"The demo shop's own page is {demo_shop_url}/",
        f"Data lies in {data}",
    ]
    if api_key is None:
        lines += [
            "Keys and accounts of earlier starts work.",
            f"A new link for an owner: ./packshot org invite {org_id}",
            "Another organization with a key: ./packshot org create NAME",
        ]
    else:
        lines += [
            "",
            "Open this link to choose a password; it works once, for seven days:",
            "",
            f"    {setup_url}",
            "",
            'The organization "Demo" has a key of every scope, shown this once:',
            "",
            f"    KEY={api_key}",
            "",
            "A photo of yours becomes a packshot:",
            "",
            '    curl -H "x-api-key: $KEY" -H "accept: image/jpeg" -F image=@photo.jpg \\',
            f"      -o packshot.jpg {base_url}/api/v1/process",
        ]
    write("\n" + "".join(f"  {line}".rstrip() + "\n" for line in lines) + "\n")


def write(text: str) -> None:
    """Write to the terminal; one that is gone, or lacks a letter, does not stop the servers."""
    encoding = sys.stdout.encoding or "utf-8"
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
