"""The commands about an installation: its organizations, their people, and its secrets."""

# ruff: noqa: PLC0415 - --help answers in 0.2 s because nothing heavy is imported for it

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.roles import Role
from packshot.cli.services import in_installation
from packshot.cli.speaking import (
    AsJson,
    DataOrElse,
    fail,
    problems_as_sentences,
)

if TYPE_CHECKING:
    from packshot.wiring import Services

org = typer.Typer(help="The organizations of an installation.", no_args_is_help=True)
secret_files = typer.Typer(help="The secrets of processes apart.", no_args_is_help=True)


@org.command("create")
def create_org(
    name: Annotated[str, typer.Argument(help="What people know the organization by.")],
    *,
    data: DataOrElse = None,
    as_json: AsJson = False,
) -> None:
    """Found an organization with a key of every scope. The key is printed this once.

    In the running installation of --data, else where PACKSHOT_DATABASE_URL and the other settings
    lead, else in the one that runs on the checkout's data folder.
    """

    async def create(services: "Services") -> dict[str, str]:
        made = await services.organizations.create(name, actor_id="packshot org create")
        link = f"{services.settings.public_url}/join/{made.link_secret}"
        return {"orgId": str(made.org_id), "apiKey": made.secret, "setupUrl": link}

    created = in_installation(create, data=data)
    if as_json:
        typer.echo(json.dumps(created))
    else:
        typer.echo(f"{name}: {created['orgId']}\nIts key, shown this once: {created['apiKey']}")
        typer.echo(f"Its owner's link, good once: {created['setupUrl']}")


@org.command("invite")
def invite(
    org_id: Annotated[str, typer.Argument(help="The organization, such as org_01m8….")],
    *,
    role: Annotated[Role, typer.Option(help="What whoever opens it becomes.")] = Role.OWNER,
    data: DataOrElse = None,
    as_json: AsJson = False,
) -> None:
    """Print a link that makes whoever opens it first a member.

    It works once, for seven days: for a first owner whose link was lost or is too old. The
    installation is found as `packshot org create` finds it.
    """
    from domain.ids import OrgId

    try:
        wanted = OrgId.parse(org_id)
    except ValueError:
        fail(f"{org_id!r} is not an organization's id; `packshot up` and `org create` tell them.")

    async def send(services: "Services") -> dict[str, str]:
        sent = await services.organizations.invite(wanted, role, actor_id="packshot org invite")
        link = f"{services.settings.public_url}/join/{sent.secret}"
        expires_at = sent.expires_at.isoformat(timespec="seconds").replace("+00:00", "Z")
        return {"orgId": org_id, "role": str(role), "url": link, "expiresAt": expires_at}

    sent = in_installation(send, data=data)
    typer.echo(json.dumps(sent) if as_json else sent["url"])


@secret_files.command("create")
def create_secrets(
    folder: Annotated[Path, typer.Argument(help="The folder, for PACKSHOT_SECRETS_DIR.")],
) -> None:
    """Make the secrets that every process apart shares, once. None is overwritten."""
    with problems_as_sentences():
        from packshot.embedded.secrets import create

        is_made = create(folder.absolute())
    typer.echo(
        f"Made the secrets in {folder}. Keep a copy: no key works without them."
        if is_made
        else f"Nothing to do: the secrets are in {folder}."
    )


@secret_files.command("rotate-pepper")
def rotate_pepper(
    folder: Annotated[
        Path, typer.Argument(help="The folder of the secrets, such as .packshot/secrets.")
    ],
) -> None:
    """Make another pepper, which new keys are kept with.

    Keys from before work on with the one they were made with, until they are rotated. Where
    processes do not share the folder, copy the new file to each before one of them is restarted.
    """
    with problems_as_sentences():
        from packshot.embedded.secrets import add_pepper

        number = add_pepper(folder.absolute())
    typer.echo(
        f"Made pepper {number} in {folder}. Restart the processes, and keep a copy: "
        "no key that is made from then on works without it."
    )
