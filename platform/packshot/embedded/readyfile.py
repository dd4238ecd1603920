"""The ready file: where a running installation is and who its processes are, for programs."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packshot.embedded.layout import Layout
from packshot.embedded.problems import UnusableFolder


@dataclass(slots=True)
class ReadyFile:
    """What a ready file says. ``api_key`` and ``setup_url`` are known to the first start only."""

    path: Path | None
    base_url: str
    layout: Layout
    org_id: str | None = None
    api_key: str | None = field(default=None, repr=False)
    setup_url: str | None = field(default=None, repr=False)
    demo_shop_url: str | None = None

    def clear(self) -> None:
        """Remove what an earlier run left, and see that the file can be written.

        Raises UnusableFolder.
        """
        if self.path is None:
            return
        try:
            self.path.unlink(missing_ok=True)
        except OSError as problem:
            raise UnusableFolder(
                f"{self.path} cannot be replaced: {problem.strerror}."
            ) from problem
        if not os.access(self.path.parent, os.W_OK | os.X_OK):
            raise UnusableFolder(f"The ready file cannot be written: no folder {self.path.parent}.")

    def write(self, pids: Mapping[str, int]) -> None:
        """Write the file whole, readable by this user only."""
        if self.path is None:
            return
        content = {
            "baseUrl": self.base_url,
            "orgId": self.org_id,
            "apiKey": self.api_key,
            "setupUrl": self.setup_url,
            "demoShopUrl": self.demo_shop_url,
            "databaseUrl": self.layout.owner_url,
            "redisUrl": self.layout.redis_url,
            "pids": dict(pids),
        }
        unfinished = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file, indent=2)
        unfinished.rename(self.path)
