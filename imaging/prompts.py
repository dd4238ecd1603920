"""What a prompt asks for, word by word: kinds of backdrop, scenes and colours that there are.

A word is mapped or told as ignored; nothing is guessed. A "white marble table" becomes white, and
the answer says that marble and table meant nothing.
"""

import re
from dataclasses import dataclass
from hashlib import sha256

from imaging.background_recipe import MOST_COLOURS, SEED, BackgroundKind

_WORD = re.compile(r"[^\W_]+")
_KINDS: dict[str, BackgroundKind] = {
    **dict.fromkeys(("solid", "plain", "flat", "uniform"), "solid"),
    **dict.fromkeys(("gradient", "fade", "ombre"), "gradient"),
    **dict.fromkeys(
        ("sweep", "studio", "seamless", "paper", "cyclorama", "infinity", "cove"), "sweep"
    ),
    **dict.fromkeys(("podium", "pedestal", "plinth", "platform", "stage", "display"), "scene"),
}
_COLOURS = {
    "white": "#ffffff", "black": "#1d1d1f", "grey": "#b9bcc1", "gray": "#b9bcc1",
    "silver": "#cfd2d6", "beige": "#e6d9c6", "cream": "#f5ecdc", "ivory": "#f6f1e4",
    "sand": "#dcc9a8", "tan": "#cfae87", "brown": "#8a6247", "terracotta": "#c8795a",
    "red": "#c93a3d", "coral": "#f08a72", "orange": "#ec9247", "peach": "#f6c9a9",
    "yellow": "#f2cf55", "gold": "#d5ad4a", "green": "#6fa874", "sage": "#b3bfa4",
    "mint": "#bfe3d0", "olive": "#8d8f56", "teal": "#3f8d90", "turquoise": "#62bfc1",
    "blue": "#5b8fcb", "sky": "#a9cfee", "navy": "#27395f", "lavender": "#cdc3e6",
    "lilac": "#d3c0e2", "purple": "#8565ae", "violet": "#8a6bbd", "pink": "#f0b9c8",
    "rose": "#e2a3a8",
}  # fmt: skip
# Words that hold a sentence together, or say what every backdrop is.
_PLAIN = frozenset(
    {"a", "an", "and", "at", "backdrop", "background", "by", "clean", "for", "from", "image", "in",
     "its", "my", "nice", "of", "on", "or", "our", "photo", "picture", "product", "scene", "shot",
     "simple", "soft", "the", "to", "with"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Prompt:
    """What was found in a prompt; ``ignored`` are the words that meant nothing, in their order."""

    kind: BackgroundKind | None
    colours: tuple[str, ...]
    seed: int
    ignored: tuple[str, ...]


def read_prompt(text: str) -> Prompt:
    """Read a prompt; the first kind that is named counts, and the first three colours."""
    words = [word.lower() for word in _WORD.findall(text)]
    kinds = [_KINDS[word] for word in words if word in _KINDS]
    colours = tuple(dict.fromkeys(_COLOURS[word] for word in words if word in _COLOURS))
    known = _PLAIN | _KINDS.keys() | _COLOURS.keys()
    ignored = tuple(dict.fromkeys(word for word in words if word not in known))
    digest = sha256(" ".join(words).encode()).digest()
    seed = int.from_bytes(digest[:4], "big") % (SEED[1] + 1)
    return Prompt(kinds[0] if kinds else None, colours[:MOST_COLOURS], seed, ignored)
