"""The reference bridge keeps what docs/bridge.md says."""

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import requests
from standardwebhooks import Webhook

from reference_bridge import SECRET, Bridge, fill, former, jpeg, running_bridge, uploaded

SKUS = ("A-1", "B/2 é", "C-3")
OTHER_SECRET = "whsec_" + base64.b64encode(b"x" * 32).decode()


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Bridge]:
    fill(tmp_path / "fill", SKUS, title="Mug <b>&")
    with running_bridge(tmp_path, "--fill", str(tmp_path / "fill")) as bridge:
        yield bridge


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """A bridge for the tests that change nothing."""
    folder = tmp_path_factory.mktemp("shop")
    fill(folder / "fill", SKUS, title="Mug <b>&")
    with running_bridge(folder, "--fill", str(folder / "fill")) as bridge:
        yield bridge


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# Signatures


def test_a_request_signed_by_the_reference_library_is_answered(shop: Bridge):
    health = shop.get("/health")

    assert health.json() == {
        "name": "packshot reference bridge",
        "account": "Shop <1>",
        "version": "1",
    }


def test_one_right_signature_among_several_is_enough(shop: Bridge):
    headers = shop.signed("GET /health")
    headers["webhook-signature"] = "v1,AAAA v2,x " + headers["webhook-signature"]

    assert requests.get(shop.url + "/health", headers=headers, timeout=10).status_code == 200


@pytest.mark.parametrize("age_s", [-330, 330])
def test_a_request_of_another_time_is_refused(shop: Bridge, age_s: float):
    assert code(shop.get("/health", age_s=age_s)) == (401, "timestamp_out_of_tolerance")


def test_another_secret_is_refused(shop: Bridge):
    assert code(shop.get("/health", secret=OTHER_SECRET)) == (401, "signature_wrong")


@pytest.mark.parametrize("path", ["/health", "/catalog", "/catalog/A-1", "/publish/pub_1"])
def test_without_a_signature_nothing_is_told(shop: Bridge, path: str):
    answer = requests.get(shop.url + path, timeout=10)

    assert code(answer) == (401, "signature_missing")


def test_a_signature_is_for_one_address(shop: Bridge):
    headers = shop.signed("GET /catalog?limit=1")

    answer = requests.get(shop.url + "/catalog?limit=2", headers=headers, timeout=10)

    assert code(answer) == (401, "signature_wrong")


def test_a_signature_is_for_one_body(shop: Bridge):
    headers = shop.signed('{"sku": "A-1"}') | {"idempotency-key": "k"}

    answer = requests.post(
        shop.url + "/publish", data='{"sku": "C-3"}', headers=headers, timeout=10
    )

    assert code(answer) == (401, "signature_wrong")


def test_a_recorded_publish_sent_again_under_another_key_is_refused(bridge: Bridge):
    item = bridge.item("A-1")
    wanted = {"sku": "A-1", "baseDigest": item["digest"], "images": former(item["images"])}
    body = json.dumps(wanted).encode()
    headers = bridge.signed(body.decode())

    first, replayed = (
        requests.post(
            bridge.url + "/publish",
            data=body,
            headers=headers | {"idempotency-key": key},
            timeout=10,
        )
        for key in ("one", "two")
    )

    assert first.status_code == 200
    assert code(replayed) == (401, "webhook_id_reused")


# The shop


def test_pages_hold_every_listing_once_in_the_order_of_their_skus(shop: Bridge):
    seen, cursor, pages = [], "", 0
    while cursor is not None:
        page = shop.get(f"/catalog?cursor={cursor}&limit=2").json()
        seen += [item["sku"] for item in page["items"]]
        cursor, pages = page["nextCursor"], pages + 1

    assert seen == sorted(SKUS)
    assert pages == 2


def test_an_image_is_what_its_item_says(shop: Bridge):
    first = shop.item("B/2 é")["images"][0]

    served = requests.get(shop.url + first["url"], timeout=10)

    assert (first["slot"], first["width"], first["height"]) == ("main", 600, 600)
    assert first["alt"] == "B/2 é, 0"
    assert first["bytes"] == len(served.content)
    assert first["sha256"] == hashlib.sha256(served.content).hexdigest()
    assert served.headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("/catalog/none", (404, "unknown_sku")),
        ("/publish/pub_none", (404, "unknown_publish")),
        ("/images/img_none", (404, "unknown_image")),
        ("/elsewhere", (404, "not_found")),
        ("/catalog?limit=0", (400, "bad_request")),
        ("/catalog?limit=101", (400, "bad_request")),
        ("/catalog?cursor=%FF", (400, "bad_request")),
        ("/catalog?cursor=*", (400, "bad_request")),
        ("/catalog?page=2", (400, "bad_request")),
        ("/catalog?limit=1&limit=2", (400, "bad_request")),
    ],
)
def test_what_is_not_there_is_said_by_a_code(shop: Bridge, path: str, refusal: tuple[int, str]):
    assert code(shop.get(path)) == refusal


# Publishing


def test_an_undo_restores_ids_order_texts_and_digest_exactly(bridge: Bridge):
    before = bridge.item("A-1")
    wanted = [uploaded("main", jpeg(200), alt="new"), *former(before["images"])[1:]]
    done = bridge.publish("A-1", wanted).json()
    changed = bridge.item("A-1")

    undone = bridge.publish("A-1", former(done["before"])).json()

    assert done["status"] == "live"
    assert done["before"] == before["images"]
    assert done["after"] == changed["images"]
    assert (done["digest"], changed["images"][0]["alt"]) == (changed["digest"], "new")
    assert changed["digest"] != before["digest"]
    assert undone["after"] == bridge.item("A-1")["images"] == before["images"]
    assert undone["digest"] == before["digest"]


def test_the_same_bytes_keep_their_id_and_need_no_second_upload(bridge: Bridge):
    picture = uploaded("main", jpeg(200), alt="red")
    first = bridge.publish("A-1", [picture]).json()["after"][0]

    again = bridge.publish("C-3", [picture]).json()["after"][0]
    renamed = {**picture, "alt": "another"}
    del renamed["data"]
    other = bridge.publish("B/2 é", [renamed]).json()["after"][0]

    assert again == first
    assert other["sha256"] == first["sha256"]
    assert other["remoteId"] != first["remoteId"]


def test_one_key_has_one_effect_and_one_answer(bridge: Bridge):
    item = bridge.item("A-1")
    wanted = {"sku": "A-1", "baseDigest": item["digest"], "images": [uploaded("main", jpeg(9))]}
    body = json.dumps(wanted).encode()
    answers: list[requests.Response] = []
    senders = [
        threading.Thread(target=lambda: answers.append(bridge.post(body, key="once")))
        for _ in range(8)
    ]

    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    assert [answer.status_code for answer in answers] == [200] * 8
    assert len({answer.content for answer in answers}) == 1
    assert bridge.item("A-1")["images"] == answers[0].json()["after"]


def test_a_key_of_another_publish_is_refused(bridge: Bridge):
    assert bridge.publish("A-1", [uploaded("main", jpeg(9))], key="k").status_code == 200

    answer = bridge.publish("C-3", [uploaded("main", jpeg(9))], key="k")

    assert code(answer) == (409, "idempotency_key_reused")


def test_a_publish_from_an_older_listing_changes_nothing_and_names_todays_digest(bridge: Bridge):
    old = bridge.item("A-1")
    requests.post(bridge.url + "/shop/A-1/swap", timeout=10)
    drifted = bridge.item("A-1")

    answer = bridge.publish("A-1", [uploaded("main", jpeg(9))], baseDigest=old["digest"])

    assert drifted["images"][0]["remoteId"] == old["images"][1]["remoteId"]
    assert code(answer) == (409, "drifted")
    assert answer.json()["digest"] == drifted["digest"]
    assert bridge.item("A-1") == drifted


def test_a_dry_run_answers_as_the_publish_will_and_writes_nothing(bridge: Bridge):
    before = bridge.item("A-1")
    picture = uploaded("main", jpeg(9), alt="x")

    dry = bridge.publish("A-1", [picture], dryRun=True).json()

    assert bridge.item("A-1") == before
    bare = {name: value for name, value in picture.items() if name != "data"}
    assert bridge.publish("A-1", [bare]).json()["issues"][0]["code"] == "data_missing"
    done = bridge.publish("A-1", [picture]).json()
    assert (dry["publishId"], dry["after"][0]["remoteId"]) == (None, None)
    assert {**dry["after"][0], "remoteId": 0, "url": 0} == {
        **done["after"][0],
        "remoteId": 0,
        "url": 0,
    }
    same = ("status", "before", "digest", "issues")
    assert [dry[name] for name in same] == [done[name] for name in same]


def test_a_publish_of_what_is_there_changes_not_even_the_time(bridge: Bridge):
    before = bridge.item("A-1")

    done = bridge.publish("A-1", former(before["images"])).json()

    assert done["status"] == "live"
    assert bridge.item("A-1") == before


@pytest.mark.parametrize(
    ("picture", "issue"),
    [
        (uploaded("main", jpeg(1, side=499)), "too_small"),
        (uploaded("main", jpeg(1), media_type="image/png"), "media_type_refused"),
        (uploaded("main", b"GIF89a"), "media_type_refused"),
        (uploaded("main", b"\xff\xd8\xff\xe0\x00\x10"), "unreadable"),
        ({**uploaded("main", jpeg(1)), "sha256": "0" * 64}, "sha256_mismatch"),
        ({"slot": "main", "remoteId": "img_none"}, "unknown_remote_id"),
        (uploaded("main", jpeg(1) + bytes(10_000_000)), "too_many_bytes"),
    ],
)
def test_a_refused_picture_is_an_issue_of_its_slot(
    shop: Bridge, picture: dict[str, str], issue: str
):
    answer = shop.publish("A-1", [picture])

    assert code(answer) == (422, "picture_refused")
    told = [(one["code"], one["slot"]) for one in answer.json()["issues"]]
    assert told == [(issue, "main")]


GOOD = {"slot": "main", "remoteId": "img_1"}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"[" * 100_000,
        b'"\xff"',
        {"images": []},
        {"images": [GOOD] * 10},
        {"images": [GOOD, GOOD]},
        {"images": [{**GOOD, "slot": "pt01"}]},
        {"images": [GOOD, {**GOOD, "slot": "pt02"}, {**GOOD, "slot": "pt01"}]},
        {"images": [{**GOOD, "alt": "x"}]},
        {"images": [{**GOOD, "remoteId": "../x"}]},
        {"images": [{"slot": "main", "sha256": "0" * 64, "mediaType": "image/png", "data": "*"}]},
        {"images": [GOOD], "sku": "a\x00"},
        {"images": [GOOD], "sku": "\ud800"},
        {"images": [GOOD], "dryRun": 1},
        {"images": [GOOD], "more": 1},
        {"images": [GOOD], "baseDigest": ""},
    ],
)
def test_what_is_no_publish_is_a_bad_request(shop: Bridge, body: bytes | dict[str, object]):
    if isinstance(body, dict):
        body = json.dumps({"sku": "A-1", "baseDigest": "x"} | body).encode()

    headers = shop.signed(body.decode("latin-1"))
    # The library signs text only; the signature of these bytes is made as it makes it.
    headers["webhook-signature"] = signature_of(headers, body)
    headers["idempotency-key"] = "k"
    answer = requests.post(shop.url + "/publish", data=body, headers=headers, timeout=10)

    assert code(answer) == (400, "bad_request")


def signature_of(headers: dict[str, str], body: bytes) -> str:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def test_a_publish_without_a_key_is_a_bad_request(shop: Bridge):
    item = shop.item("A-1")
    wanted = {"sku": "A-1", "baseDigest": item["digest"], "images": former(item["images"])}

    assert code(shop.post(json.dumps(wanted).encode())) == (400, "bad_request")


def test_a_body_beyond_the_cap_is_refused_before_it_is_read(shop: Bridge):
    head = "".join(f"{name}: {value}\r\n" for name, value in shop.signed("x").items())
    request = f"POST /publish HTTP/1.1\r\nhost: x\r\n{head}content-length: 50331649\r\n\r\n"

    with socket.create_connection(shop.socket.getsockname(), timeout=10) as line:
        line.sendall(request.encode())
        told = line.recv(4096)

    assert b" 413 " in told.splitlines()[0]


@pytest.mark.parametrize(
    "framing", ["", "content-length: 1\r\ncontent-length: 2\r\n", "transfer-encoding: chunked\r\n"]
)
def test_a_body_of_unknown_length_is_refused(shop: Bridge, framing: str):
    head = "".join(f"{name}: {value}\r\n" for name, value in shop.signed("x").items())

    with socket.create_connection(shop.socket.getsockname(), timeout=10) as line:
        line.sendall(f"POST /publish HTTP/1.1\r\nhost: x\r\n{head}{framing}\r\n".encode())
        told = line.recv(4096)

    assert b" 411 " in told.splitlines()[0]


# Deaths


def test_what_was_answered_is_there_after_kill_9(bridge: Bridge):
    item = bridge.item("A-1")
    wanted = {"sku": "A-1", "baseDigest": item["digest"], "images": [uploaded("main", jpeg(9))]}
    body = json.dumps(wanted).encode()
    done = bridge.post(body, key="once")

    bridge.kill()
    bridge.start()

    assert bridge.item("A-1")["images"] == done.json()["after"]
    assert bridge.post(body, key="once").content == done.content
    assert bridge.get(f"/publish/{done.json()['publishId']}").json() == done.json()


def test_killed_at_any_moment_it_has_done_a_publish_whole_or_not_at_all(bridge: Bridge):
    known = {bridge.item("A-1")["digest"]}
    for number in range(6):
        wanted = [uploaded("main", jpeg(100 + number)), uploaded("pt01", jpeg(150 + number))]
        answer: list[dict[str, object]] = []
        sender = threading.Thread(target=lambda w=wanted, a=answer: sent(bridge, w, a))
        sender.start()
        sender.join(0.004 * number)
        bridge.kill()
        bridge.start()
        sender.join()

        item = bridge.item("A-1")
        assert len(item["images"]) == 2
        served = requests.get(bridge.url + item["images"][0]["url"], timeout=10).content
        assert hashlib.sha256(served).hexdigest() == item["images"][0]["sha256"]
        if answer:
            assert item["digest"] == answer[0]["digest"]
            known.add(item["digest"])
        else:
            hashes = [one["sha256"] for one in item["images"]]
            assert item["digest"] in known or hashes == [one["sha256"] for one in wanted]
            known.add(item["digest"])


def sent(bridge: Bridge, wanted: list[dict[str, str]], answer: list[dict[str, object]]) -> None:
    try:
        answer.append(bridge.publish("A-1", wanted).json())
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        return  # it was killed before its answer began, or in the middle of it


def test_a_signal_ends_it_in_order(bridge: Bridge):
    bridge.get("/health")

    assert bridge.stop() == 0


# Reviews and callbacks


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]], threading.Event]]:
    told: list[tuple[dict[str, str], bytes]] = []
    came = threading.Event()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append((dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()
            came.set()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/told", told, came
        server.shutdown()
        thread.join()


def test_a_pending_publish_ends_live_and_the_callback_is_signed(tmp_path: Path, receiver):
    url, told, came = receiver
    fill(tmp_path / "fill", SKUS)
    options = ("--fill", str(tmp_path / "fill"), "--review", "0.2", "--callback", url)
    with running_bridge(tmp_path, *options) as bridge:
        before = bridge.item("A-1")
        done = bridge.publish("A-1", [uploaded("main", jpeg(9))]).json()
        other = bridge.publish("A-1", [uploaded("main", jpeg(8))], baseDigest=before["digest"])
        assert came.wait(30)
        now = bridge.get(f"/publish/{done['publishId']}").json()

        assert (done["status"], done["digest"]) == ("pending", before["digest"])
        assert code(other) == (409, "publish_pending")
        assert other.json()["publishId"] == done["publishId"]
        assert now["status"] == "live"
        assert bridge.item("A-1")["images"] == now["after"] == done["after"]
        headers, body = told[0]
        verified = Webhook(SECRET).verify(body, {k.lower(): v for k, v in headers.items()})
        assert verified == {"type": "publish.live", "data": now}


def test_a_listing_that_changes_meanwhile_rejects_the_pending_publish(tmp_path: Path, receiver):
    url, told, came = receiver
    fill(tmp_path / "fill", SKUS)
    options = ("--fill", str(tmp_path / "fill"), "--review", "0.5", "--callback", url)
    with running_bridge(tmp_path, *options) as bridge:
        done = bridge.publish("A-1", [uploaded("main", jpeg(9))]).json()
        requests.post(bridge.url + "/shop/A-1/swap", timeout=10)
        swapped = bridge.item("A-1")
        assert came.wait(30)

        now = bridge.get(f"/publish/{done['publishId']}").json()
        assert (now["status"], now["issues"][0]["code"]) == ("rejected", "drifted")
        assert bridge.item("A-1") == swapped
        assert json.loads(told[0][1])["type"] == "publish.rejected"


# The shop's page


def test_the_page_shows_every_listing_escaped_and_under_a_strict_policy(shop: Bridge):
    page = requests.get(shop.url, timeout=10)

    for sku in SKUS:  # where the listing says that people see it
        assert f'<article id="{unquote(urlsplit(shop.item(sku)["url"]).fragment)}">' in page.text
    assert page.text.count("<article ") == len(SKUS)
    assert "Mug &lt;b&gt;&amp;" in page.text
    assert "<b>" not in page.text
    assert "Shop &lt;1&gt;" in page.text
    assert shop.item("A-1")["images"][0]["url"] in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; img-src 'self'; style-src 'sha256-")
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"host": "evil.example:80"},
        {"origin": "null"},
    ],
)
def test_another_page_cannot_swap_a_listings_pictures(shop: Bridge, headers: dict[str, str]):
    before = shop.item("A-1")

    answer = requests.post(shop.url + "/shop/A-1/swap", headers=headers, timeout=10)

    assert code(answer) == (403, "not_here")
    assert shop.item("A-1") == before


def test_the_button_swaps_and_leads_back_to_the_page(bridge: Bridge):
    before = bridge.item("B/2 é")
    page = requests.get(bridge.url, timeout=10).text
    action = page.split('action="', 3)[2].split('"')[0]

    answer = requests.post(
        bridge.url + action, headers={"origin": bridge.url}, timeout=10, allow_redirects=False
    )

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    after = bridge.item("B/2 é")
    assert [one["slot"] for one in after["images"]] == ["main", "pt01"]
    assert after["images"][0]["remoteId"] == before["images"][1]["remoteId"]
