"""The processes apart, as docs/jobs.md says, on a Postgres that is not ours to rule."""

import asyncio
import json
import os
import re
import shlex
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg
import pytest
import requests

from api.photos import red_box
from api.server import WITHIN_S, followed
from installation import PACKSHOT, free_port
from services import Database, RunningServices

JOBS_DOCUMENT = Path(__file__).parents[2] / "docs" / "jobs.md"
LOGIN = "packshot_test_customer"
EVENTS = {"api": "api_started", "worker": "worker_started", "relay": "relay_started",
          "projector": "projector_started"}  # fmt: skip


@pytest.fixture
async def customers_database(servers: RunningServices, database: Database) -> AsyncIterator[str]:
    """An empty database whose owner is no superuser, but may grant the product's roles.

    ``database`` has made those roles: they belong to the whole server.
    """
    async with servers.empty_database() as empty:
        admin = await asyncpg.connect(servers.admin_url)
        await admin.execute(f"CREATE ROLE {LOGIN} LOGIN CREATEROLE")
        await admin.execute(f"ALTER DATABASE {empty.name} OWNER TO {LOGIN}")
        for role in ("app", "writer", "lookup", "projector"):
            await admin.execute(f"GRANT packshot_{role} TO {LOGIN} WITH ADMIN OPTION, SET TRUE")
        parts = urlsplit(empty.owner_url)
        query = dict(parse_qsl(parts.query)) | {"user": LOGIN}
        yield parts._replace(query=urlencode(query)).geturl()
        await admin.execute(f"ALTER DATABASE {empty.name} OWNER TO CURRENT_USER")
    await admin.execute(f"DROP OWNED BY {LOGIN} CASCADE")
    await admin.execute(f"DROP ROLE {LOGIN}")
    await admin.close()


@contextmanager
def started(name: str, environ: dict[str, str], *options: str) -> Iterator[None]:
    """Run one process as an operator would, until the block ends."""
    with followed([*PACKSHOT, name, *options], environ) as (process, log):
        log.wait_for(event=EVENTS[name])
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) == 0


def documented() -> tuple[set[str], list[list[str]], list[list[str]]]:
    """The variables of "Processes apart", its commands that end, and those that go on."""
    section = JOBS_DOCUMENT.read_text().split("## Processes apart")[1]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block is not None
    lines = block[1].splitlines()
    variables = {line.split()[1].split("=")[0] for line in lines if line.startswith("export ")}
    commands = [shlex.split(line, comments=True) for line in lines if line.startswith("./packshot")]
    return (
        variables,
        [command[1:] for command in commands if command[-1] != "&"],
        [command[1:-1] for command in commands if command[-1] == "&"],
    )


def run(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PACKSHOT, *arguments], env=environ, capture_output=True, text=True, check=False
    )


def do_a_job(url: str, secret: str) -> tuple[str, list[str]]:
    """Ask for a job; how it ended, and what the feed says of it."""
    key = {"x-api-key": secret}
    asked = requests.post(f"{url}/jobs", headers=key, files={"image": red_box()}, timeout=WITHIN_S)
    job = requests.get(
        f"{url}/jobs/{asked.json()['jobId']}?wait=20", headers=key, timeout=WITHIN_S + 20
    )
    feed = requests.get(f"{url}/activity", headers=key | {"x-min-position": "6"}, timeout=WITHIN_S)
    return job.json()["status"], [event["type"] for event in feed.json()["data"]]


def walk(environ: dict[str, str]) -> tuple[str, list[str]]:
    """Do what the document says, line by line; how a job ended with the key it printed."""
    _, once, kept = documented()
    said = ""
    for command in once:
        arguments = [environ.get(word.removeprefix("$"), word) for word in command]
        done = run(environ, *arguments)
        assert done.returncode == 0, done.stderr
        said += done.stdout
    secret = re.search(r"pshot_live_\w+", said)
    assert secret is not None, said
    port = free_port()
    with ExitStack() as stack:
        for name, *options in kept:
            stack.enter_context(
                started(name, environ, *(str(port) if word == "3000" else word for word in options))
            )
        return do_a_job(f"http://127.0.0.1:{port}/api/v1", secret[0])


@pytest.fixture
def environ(servers: RunningServices, customers_database: str, tmp_path: Path) -> dict[str, str]:
    """The variables that the document sets, with the addresses of here."""
    theirs = {
        "PACKSHOT_OWNER_DATABASE_URL": customers_database,
        "PACKSHOT_DATABASE_URL": customers_database,
        "PACKSHOT_REDIS_URL": servers.redis_url,
        "PACKSHOT_STORAGE_DIR": str(tmp_path / "srv" / "storage"),
        "PACKSHOT_SECRETS_DIR": str(tmp_path / "srv" / "secrets"),
    }
    assert documented()[0] == theirs.keys()
    return os.environ | theirs | {"PACKSHOT_RENDER_CHILDREN": "1"}


async def test_the_documents_commands_lead_from_nothing_to_a_job(environ: dict[str, str]) -> None:
    status, feed = await asyncio.to_thread(walk, environ)

    assert status == "succeeded"
    assert feed[:4] == ["job.succeeded", "job.started", "job.queued", "job.requested"]


async def test_the_log_of_an_outer_database_is_verified_by_who_may_read_it_all(
    servers: RunningServices, environ: dict[str, str]
) -> None:
    for command in (("secrets", "create", environ["PACKSHOT_SECRETS_DIR"]), ("migrate",)):
        assert (await asyncio.to_thread(run, environ, *command)).returncode == 0
    founded = await asyncio.to_thread(run, environ, "org", "create", "Acme", "--json")

    confined = await asyncio.to_thread(run, environ, "audit", "verify", "--json")
    await as_admin(servers, f"ALTER ROLE {LOGIN} BYPASSRLS")
    verified = await asyncio.to_thread(run, environ, "audit", "verify", "--json")

    assert confined.returncode == 1
    assert "BYPASSRLS" in confined.stderr
    assert verified.returncode == 0, verified.stderr
    assert [row["orgId"] for row in json.loads(verified.stdout)] == [
        json.loads(founded.stdout)["orgId"]
    ]
    database = urlsplit(environ["PACKSHOT_DATABASE_URL"]).path[1:]
    for said in (founded.stderr, verified.stderr):
        assert f"worked on the database {database} " in said
        assert f"as {LOGIN}" in said


async def test_a_named_folder_is_meant_whatever_the_environment_says(
    environ: dict[str, str], tmp_path: Path
) -> None:
    folder = str(tmp_path / "folder")

    for command in (("org", "create", "Acme"), ("audit", "verify"), ("rebuild", "activity")):
        refused = await asyncio.to_thread(run, environ, *command, "--data", folder)

        assert refused.returncode == 1
        assert folder in refused.stderr


async def as_admin(servers: RunningServices, statement: str) -> None:
    admin = await asyncpg.connect(servers.admin_url)
    try:
        await admin.execute(statement)
    finally:
        await admin.close()


async def test_without_secrets_a_process_names_the_command_that_makes_them(
    environ: dict[str, str],
) -> None:
    refused = await asyncio.to_thread(run, environ, "org", "create", "Acme")

    assert refused.returncode == 1
    assert f"packshot secrets create {environ['PACKSHOT_SECRETS_DIR']}" in refused.stderr
