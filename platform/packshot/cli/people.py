"""The commands about people: a lost password, who is kept out, and who is let in again."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from packshot.cli.services import in_installation
from packshot.cli.speaking import AsJson, DataOrElse

if TYPE_CHECKING:
    from domain.ids import UserId
    from packshot.commands.erasing import Gone
    from packshot.wiring import Services

person = typer.Typer(help="The people of an installation.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The address that the person signs in with.")]


@person.command("reset")
def reset(email: Email, *, data: DataOrElse = None, as_json: AsJson = False) -> None:
    """Print a link by which a person chooses a new password.

    It works once, for an hour, and ends every session of theirs. The installation is found as
    `packshot org create` finds it.
    """

    async def offer(services: "Services") -> dict[str, str]:
        offered = await services.resets.offer_to(email, actor_id="packshot person reset")
        link = f"{services.settings.public_url}/reset/{offered.secret}"
        expires_at = offered.expires_at.isoformat(timespec="seconds").replace("+00:00", "Z")
        return {"userId": str(offered.user_id), "url": link, "expiresAt": expires_at}

    offered = in_installation(offer, data=data)
    typer.echo(json.dumps(offered) if as_json else offered["url"])


@person.command("disable")
def disable(email: Email, *, data: DataOrElse = None, as_json: AsJson = False) -> None:
    """Keep a person out of every organization, at once.

    Their sessions and links end; their memberships stay for the day they are let in again. The
    installation is found as `packshot org create` finds it.
    """

    async def keep_out(services: "Services") -> "UserId":
        return await services.accounts.disable(email, actor_id="packshot person disable")

    user_id = str(in_installation(keep_out, data=data))
    told = {"userId": user_id, "disabled": True}
    typer.echo(json.dumps(told) if as_json else f"{user_id} is kept out.")


@person.command("enable")
def enable(email: Email, *, data: DataOrElse = None, as_json: AsJson = False) -> None:
    """Let a person in again who was kept out."""

    async def let_in(services: "Services") -> "UserId":
        return await services.accounts.enable(email, actor_id="packshot person enable")

    user_id = str(in_installation(let_in, data=data))
    told = {"userId": user_id, "disabled": False}
    typer.echo(json.dumps(told) if as_json else f"{user_id} is let in again.")


@person.command("erase")
def erase(email: Email, *, data: DataOrElse = None, as_json: AsJson = False) -> None:
    """Erase a person for good, with every membership.

    Name, address, password and sessions go. What they did stays in the logs, under an id that is
    nobody's: every chain holds as before. Refused where an organization would be left without an
    owner.
    """

    async def forget(services: "Services") -> "Gone":
        return await services.erasing.erase(email, actor_id="packshot person erase")

    gone = in_installation(forget, data=data)
    left = [str(place.org_id) for place in gone.left]
    told = {"userId": str(gone.user_id), "erased": True, "left": left}
    from_where = f", and left {', '.join(left)}" if left else ""
    typer.echo(json.dumps(told) if as_json else f"{gone.user_id} is erased{from_where}.")
