"""What happens by itself: reviews end, and their ends are posted to the callback address."""

import http.client
import logging
import threading
import time
import urllib.error
import urllib.request

from shopbridge.publishing import Publisher
from shopbridge.signatures import sign
from shopbridge.store import Store

LOOK_EVERY_S = 0.5
ANSWER_TIMEOUT_S = 10.0
PAUSES_S = (5, 30, 120, 600, 3600, 6 * 3600)  # docs/bridge.md, The callback

_log = logging.getLogger("bridge")


class Clerk(threading.Thread):
    """Looks twice a second for reviews that are over and callbacks that are due."""

    def __init__(self, shop: Store, publisher: Publisher, *, url: str | None, key: bytes) -> None:
        """Post to ``url``, signed with ``key``; None posts nowhere."""
        super().__init__(name="clerk", daemon=True)
        self._shop = shop
        self._publisher = publisher
        self._url = url
        self._key = key
        self._stopping = threading.Event()

    def run(self) -> None:
        """Look until ``stop``; a callback under way is finished first."""
        while not self._stopping.wait(LOOK_EVERY_S):
            self._publisher.end_due()
            if self._url is not None:
                self._post_due(self._url)

    def stop(self) -> None:
        """End the looking and wait for what is under way."""
        self._stopping.set()
        self.join(ANSWER_TIMEOUT_S)

    def _post_due(self, url: str) -> None:
        with self._shop.reading() as db:
            due = db.execute(
                "SELECT * FROM callback WHERE due_at <= ? LIMIT 20", (time.time(),)
            ).fetchall()
        for row in due:
            is_over = self._post(url, row["webhook_id"], row["body"])
            is_over = is_over or row["tries"] >= len(PAUSES_S)
            with self._shop.writing() as db:
                if is_over:
                    db.execute("DELETE FROM callback WHERE webhook_id = ?", (row["webhook_id"],))
                else:
                    db.execute(
                        "UPDATE callback SET tries = tries + 1, due_at = ? WHERE webhook_id = ?",
                        (time.time() + PAUSES_S[row["tries"]], row["webhook_id"]),
                    )

    def _post(self, url: str, webhook_id: str, body: bytes) -> bool:
        now = int(time.time())
        headers = {
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(self._key, webhook_id, timestamp=now, content=body),
        }
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")
        try:
            with _OPENER.open(request, timeout=ANSWER_TIMEOUT_S) as answer:
                return bool(200 <= answer.status < 300)  # noqa: PLR2004 - the class of successes
        except (OSError, http.client.HTTPException, urllib.error.URLError) as problem:
            _log.warning("callback %s: %s", webhook_id, type(problem).__name__)
            return False


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A callback goes where the configuration says, and nowhere else."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects(), urllib.request.ProxyHandler({}))
