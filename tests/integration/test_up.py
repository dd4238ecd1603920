"""`packshot up`, run as a person runs it: first start, later starts, deaths, and ends."""

import asyncio
import os
import signal
import socket
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
import requests
from standardwebhooks import Webhook

from installation import Up, free_port, is_alive, packshot, running_up, start_up
from packshot.embedded.layout import Layout

pytestmark = pytest.mark.timeout(180)

REFUSED = 1


@pytest.fixture(scope="module")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running_up(tmp_path_factory.mktemp("first") / "data") as up:
        yield up


def whoami(up: Up, key: str) -> requests.Response:
    return requests.get(
        f"http://127.0.0.1:{up.port}/api/v1/whoami", headers={"x-api-key": key}, timeout=10
    )


def test_a_first_start_answers_and_its_key_works(first_start: Up):
    ready = first_start.ready

    answer = whoami(first_start, ready["apiKey"])

    assert answer.status_code == 200
    assert ready["orgId"] in answer.text
    assert ready["baseUrl"] == f"http://localhost:{first_start.port}"
    assert ready["setupUrl"].startswith(f"{ready['baseUrl']}/join/")
    assert requests.get(ready["setupUrl"], timeout=10).status_code == 200


def test_it_listens_on_both_loopback_addresses_and_on_nothing_else(first_start: Up):
    listening = {
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{first_start.port:04X}")
    }

    assert {address.split(":")[0] for address in listening} <= {
        "0100007F",
        "00000000000000000000000001000000",
    }
    with socket.create_connection(("127.0.0.1", first_start.port), timeout=5):
        pass


def test_the_key_is_printed_once(first_start: Up):
    printed = first_start.output.read_text()

    assert printed.count(first_start.ready["apiKey"]) == 1
    assert "curl" in printed
    assert f"{first_start.ready['demoShopUrl']}/" in printed


def test_nobody_else_can_read_the_ready_file_or_a_secret_or_reach_a_socket(first_start: Up):
    layout = Layout.of(first_start.data)
    private = [first_start.ready_file, *layout.secrets.iterdir(), layout.secrets, layout.sockets]

    open_to_others = [path for path in private if stat.S_IMODE(path.stat().st_mode) & 0o077]

    assert open_to_others == []
    assert {path.name for path in layout.secrets.iterdir()} >= {
        "pepper-1",
        "log-signing-key",
        "log-signing-key.pub",
        "key-encryption-key",
        "session-key",
        "demo-shop-secret",
    }


def test_an_organization_is_created_beside_a_running_up(first_start: Up):
    created = packshot("org", "create", "Second Shop", "--data", first_start.data, "--json")

    assert created.returncode == 0, created.stderr
    key = requests.models.complexjson.loads(created.stdout)["apiKey"]
    assert whoami(first_start, key).status_code == 200


def test_a_lost_link_is_made_anew_beside_a_running_up(first_start: Up):
    org_id = first_start.ready["orgId"]

    made = packshot("org", "invite", org_id, "--role", "admin", "--data", first_start.data)
    stranger = packshot("org", "invite", f"org_{'0' * 26}", "--data", first_start.data)
    nonsense = packshot("org", "invite", "nonsense", "--data", first_start.data)

    assert made.returncode == 0, made.stderr
    opened = requests.get(made.stdout.strip(), timeout=20)
    assert "makes you its admin" in opened.text
    assert (stranger.returncode, nonsense.returncode) == (REFUSED, REFUSED)
    assert "There is no organization" in stranger.stderr
    assert "not an organization's id" in nonsense.stderr


@pytest.mark.parametrize("name", ["api", "postgres", "valkey"])
def test_a_killed_child_is_started_again_and_the_ready_file_says_so(first_start: Up, name: str):
    before = first_start.ready["pids"]

    os.kill(before[name], signal.SIGKILL)

    first_start.until(lambda: first_start.ready["pids"][name] != before[name], what="a new pid")
    key = first_start.ready["apiKey"]
    first_start.until(lambda: answers(first_start, key), what="an answer to the key")
    assert is_alive(first_start.ready["pids"][name])


def demo_catalog(up: Up) -> list[dict[str, object]]:
    """The demo shop's catalog, asked with the secret of the data folder."""
    secret = (up.data / "secrets" / "demo-shop-secret").read_text()
    at = datetime.now(UTC)
    headers = {
        "webhook-id": "msg_test",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_test", at, "GET /catalog"),
    }
    url = up.ready["demoShopUrl"] + "/catalog"
    answer = requests.get(url, headers=headers, timeout=90)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_a_demo_shop_with_twelve_listings_runs_and_keeps_what_changed_when_it_is_killed(
    first_start: Up,
):
    before = demo_catalog(first_start)
    shop = first_start.ready["demoShopUrl"]
    requests.post(f"{shop}/shop/MUG-SAGE-350/swap", timeout=10)
    changed = demo_catalog(first_start)

    pid = first_start.ready["pids"]["demoShop"]
    os.kill(pid, signal.SIGKILL)
    first_start.until(lambda: first_start.ready["pids"]["demoShop"] != pid, what="a new pid")

    assert len(before) == 12
    assert changed != before
    assert first_start.ready["demoShopUrl"] == shop
    assert demo_catalog(first_start) == changed


def test_the_demo_shop_is_closed_to_what_callers_name(first_start: Up):
    shop = first_start.ready["demoShopUrl"]

    answer = requests.post(
        f"http://127.0.0.1:{first_start.port}/api/v1/process",
        headers={"x-api-key": first_start.ready["apiKey"]},
        json={"imageUrl": f"{shop}/images/img_1"},
        timeout=30,
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "url_not_allowed")


def answers(up: Up, key: str) -> bool:
    try:
        return whoami(up, key).status_code == 200
    except requests.ConnectionError:
        return False


def test_a_second_up_on_the_same_folder_names_the_first(first_start: Up):
    second = packshot("up", "--data", first_start.data, "--port", str(free_port()))

    assert second.returncode == REFUSED
    assert f"process {first_start.process.pid}" in second.stderr
    assert first_start.process.poll() is None


def test_a_taken_port_is_said_with_its_remedy(first_start: Up, tmp_path: Path):
    second = packshot("up", "--data", tmp_path / "data", "--port", str(first_start.port))

    assert second.returncode == REFUSED
    assert f"Port {first_start.port} is taken" in second.stderr
    assert "--port" in second.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_in_order_and_a_later_start_keeps_everything(
    tmp_path: Path, how: signal.Signals
):
    with running_up(tmp_path / "data") as up:
        first = up.ready
        assert up.stop(how) == 0
        assert [pid for pid in first["pids"].values() if is_alive(pid)] == []

    with running_up(tmp_path / "data") as up:
        later = up.ready

        assert later["apiKey"] is None
        assert later["orgId"] == first["orgId"]
        assert whoami(up, first["apiKey"]).status_code == 200
        assert first["apiKey"] not in up.output.read_text()


def test_a_second_signal_ends_at_once(tmp_path: Path):
    with running_up(tmp_path / "data") as up:
        pids = set(up.ready["pids"].values())
        os.kill(up.ready["pids"]["api"], signal.SIGSTOP)  # it cannot drain
        up.process.send_signal(signal.SIGINT)
        up.until(lambda: "stopping" in up.output.read_text(), what="stopping")

        up.process.send_signal(signal.SIGINT)

        up.process.wait(10)
        assert [pid for pid in pids if is_alive(pid)] == []


def test_after_a_kill_of_up_itself_the_next_start_waits_for_its_children(tmp_path: Path):
    with running_up(tmp_path / "data") as up:
        first = up.ready
        up.process.kill()
        up.process.wait()

        with running_up(tmp_path / "data", port=up.port) as again:
            assert whoami(again, first["apiKey"]).status_code == 200
            assert [pid for pid in first["pids"].values() if is_alive(pid)] == []


def test_a_folder_with_spaces_and_a_path_of_200_characters_work(tmp_path: Path):
    room = tmp_path / "photos of the shop"
    data = room / ("d" * (200 - len(str(room)) - 1))
    assert len(str(data)) == 200

    with running_up(data) as up:
        assert whoami(up, up.ready["apiKey"]).status_code == 200
        assert asyncio.run(events_in(up.ready["databaseUrl"])) > 0
        sockets = Layout.of(data).sockets
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700

    assert not sockets.exists()


async def events_in(database_url: str) -> int:
    connection = await asyncpg.connect(database_url)
    try:
        return await connection.fetchval("SELECT count(*) FROM es.event")
    finally:
        await connection.close()


def test_a_start_that_was_killed_half_way_is_taken_up_again(tmp_path: Path):
    port = free_port()
    up = start_up(tmp_path / "data", port=port)
    up.until((up.data / "postgres.new").exists, what="initdb")
    up.process.kill()
    up.process.wait()

    with running_up(tmp_path / "data", port=port) as again:
        assert whoami(again, again.ready["apiKey"]).status_code == 200


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_database_is_made_ends_it_without_a_trace_on_the_next_start(
    tmp_path: Path, how: signal.Signals
):
    port = free_port()
    up = start_up(tmp_path / "data", port=port)
    up.until((up.data / "postgres.new").exists, what="initdb")

    assert up.stop(how) == 0

    with running_up(tmp_path / "data", port=port) as again:
        assert whoami(again, again.ready["apiKey"]).status_code == 200


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")

    refused = packshot("up", "--data", tmp_path / "file" / "data", "--port", str(free_port()))

    assert refused.returncode == REFUSED
    assert "--data DIR" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_database_without_its_secrets_is_not_given_new_ones(tmp_path: Path):
    layout = Layout.of(tmp_path / "data")
    layout.make()
    layout.secrets.mkdir()
    layout.postgres.mkdir()
    (layout.postgres / "PG_VERSION").write_text("18\n")

    refused = packshot("up", "--data", layout.root, "--port", str(free_port()))

    assert refused.returncode == REFUSED
    assert "pepper-1" in refused.stderr
    assert list(layout.secrets.iterdir()) == []


def test_commands_that_need_a_running_installation_say_how_to_start_one(tmp_path: Path):
    refused = packshot("org", "create", "Nobody", "--data", tmp_path)

    assert refused.returncode == REFUSED
    assert "./packshot up --data" in refused.stderr
