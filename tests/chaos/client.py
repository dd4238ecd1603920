"""A client over real HTTP that does not give up, and keeps a log of what it was told."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

import requests

from chaos.asks import Ask

CONNECT_S, ANSWER_S = 5.0, 60.0
AGAIN_AFTER_S = 0.2
LONGEST_PAUSE_S = 2.0
# What says "not now": sent again with the same key. Anything else of 500 and more is no answer
# that a client can work with, and goes into the log as strange.
NOT_NOW = {"overloaded", "idempotency_in_progress", "rate_limited", "concurrency_limited"}
LEAST_FAULT = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: ``body`` as it came, byte for byte."""

    status: int
    body: bytes
    is_repeat: bool
    headers: Mapping[str, str]

    @property
    def document(self) -> dict[str, Any]:
        """The body as JSON; empty when it is none."""
        try:
            told: dict[str, Any] = json.loads(self.body)
        except ValueError:
            return {}
        return told

    @property
    def is_acknowledged(self) -> bool:
        """Whether it says that the thing is done, or will be."""
        return self.status in {200, 202}

    @property
    def job_id(self) -> str | None:
        """The job that it tells of."""
        document = self.document
        told: str | None = document.get("jobId") or document.get("output", {}).get("jobId")
        return told


@dataclass(slots=True)
class Entry:
    """What the client knows of one ask."""

    ask: Ask
    sent: int = 0
    answer: Answer | None = None
    repeats: list[Answer] = field(default_factory=list)
    cancelled: Answer | None = None
    retried: Answer | None = None
    seen: str | None = None
    strange: list[str] = field(default_factory=list)
    slowest_s: float = 0.0

    @property
    def job_id(self) -> str | None:
        """The acknowledged job's id; None for what was never acknowledged."""
        return self.answer.job_id if self.answer and self.answer.is_acknowledged else None


@dataclass(frozen=True, slots=True)
class Shop:
    """One organization's way in: its key, where its photos are, and where its webhooks go."""

    org_id: str
    key: str
    photos_url: str
    webhook_url: str


class Client:
    """One connection's worth of a client; ``stop`` ends its patience."""

    def __init__(self, base_url: str, shops: list[Shop], *, stop: Event) -> None:
        self.base_url = base_url
        self.shops = shops
        self.stop = stop
        self.session = requests.Session()

    def carry_out(self, entry: Entry) -> None:
        """Do everything that an ask says, and note it."""
        ask = entry.ask
        twin = None
        if ask.repeat == "at once":
            twin = Thread(target=self._as_another, args=(entry,))
            twin.start()
        answer = self._ask(entry)
        if twin is not None:
            twin.join()
        entry.answer = answer
        if ask.repeat == "later" and answer is not None:
            self._note_repeat(entry, self._ask(entry))
        if ask.then == "wait":
            self._wait_for_end(entry)
        elif ask.then != "nothing" and entry.job_id is not None:
            self._call_off(entry)

    def _as_another(self, entry: Entry) -> None:
        other = Client(self.base_url, self.shops, stop=self.stop)
        with other.session:
            self._note_repeat(entry, other._ask(entry))

    def _note_repeat(self, entry: Entry, answer: Answer | None) -> None:
        if answer is not None:
            entry.repeats.append(answer)

    def _ask(self, entry: Entry) -> Answer | None:
        ask, shop = entry.ask, self.shops[entry.ask.org]
        fields = ask.fields | ({"webhookUrl": shop.webhook_url} if ask.webhook else {})
        if ask.items:
            items = [{"imageUrl": f"{shop.photos_url}/{name}.jpg"} for name in ask.items]
            return self._post(entry, ask.path, key=ask.key, json={**fields, "items": items})
        if ask.is_fetched:
            fields |= {"imageUrl": f"{shop.photos_url}/{ask.picture}.jpg"}
            return self._post(entry, ask.path, key=ask.key, json=fields)
        photo = {"image": (f"{ask.ref}.jpg", ask.photo, "image/jpeg")}
        return self._post(entry, ask.path, key=ask.key, data=fields, files=photo)

    def _call_off(self, entry: Entry) -> None:
        path = f"/api/v1/jobs/{entry.job_id}"
        entry.cancelled = self._post(entry, f"{path}/cancel", key=f"cancel-{entry.ask.ref}")
        is_off = entry.cancelled is not None and entry.cancelled.status == 200
        if is_off and entry.ask.then == "cancel and retry":
            entry.retried = self._post(entry, f"{path}/retry", key=f"retry-{entry.ask.ref}")

    def _post(self, entry: Entry, path: str, *, key: str | None, **body: Any) -> Answer | None:
        """Send until there is an answer; without a key once. None: nobody knows."""
        while not self.stop.is_set():
            answer = self._request(entry, "POST", path, key=key, **body)
            if answer is not None and answer.status < LEAST_FAULT and not _is_not_now(answer):
                return answer
            if key is None:
                return None
            self._pause(answer)
        return None

    def _wait_for_end(self, entry: Entry) -> None:
        while not self.stop.is_set() and entry.job_id is not None:
            answer = self._request(entry, "GET", f"/api/v1/jobs/{entry.job_id}?wait=5")
            if answer is not None and answer.status == 200:
                status = answer.document["status"]
                if status in {"succeeded", "partial", "failed", "cancelled"}:
                    entry.seen = status
                    return
            elif answer is not None and answer.status < LEAST_FAULT and not _is_not_now(answer):
                entry.strange.append(f"GET of an acknowledged job: {_words(answer)}")
                return
            else:
                self._pause(answer)

    def _request(
        self, entry: Entry, method: str, path: str, *, key: str | None = None, **body: Any
    ) -> Answer | None:
        """One request; None when the connection broke, so that nobody knows what became of it."""
        headers = {"x-api-key": self.shops[entry.ask.org].key}
        if key is not None:
            headers["idempotency-key"] = key
        entry.sent += 1
        began_s = time.monotonic()
        try:
            response = self.session.request(
                method,
                self.base_url + path,
                headers=headers,
                timeout=(CONNECT_S, ANSWER_S),
                allow_redirects=False,
                **body,
            )
        except requests.RequestException as broken:
            if isinstance(broken, requests.ReadTimeout):
                entry.strange.append(f"{method} {path}: no answer within {ANSWER_S:g} s")
            return None
        if method == "POST":  # a GET waits for an end
            entry.slowest_s = max(entry.slowest_s, time.monotonic() - began_s)
        is_repeat = response.headers.get("idempotency-replayed") == "true"
        answer = Answer(response.status_code, response.content, is_repeat, response.headers)
        if answer.status >= LEAST_FAULT and not _is_not_now(answer):
            entry.strange.append(f"{method} {path}: {_words(answer)}")
        if answer.status == 503 and "retry-after" not in response.headers:
            entry.strange.append(f"{method} {path}: a 503 without Retry-After")
        return answer

    def _pause(self, answer: Answer | None) -> None:
        told = answer.headers.get("retry-after") if answer is not None else None
        self.stop.wait(min(float(told), LONGEST_PAUSE_S) if told else AGAIN_AFTER_S)


def _is_not_now(answer: Answer) -> bool:
    return answer.status in {409, 429, 503} and answer.document.get("code") in NOT_NOW


def _words(answer: Answer) -> str:
    return f"{answer.status} {answer.body[:300].decode(errors='replace')}"
