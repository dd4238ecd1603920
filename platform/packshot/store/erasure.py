"""Takes away all that is personal about a person; what the log knows of them is an id."""

from domain.ids import UserId
from domain.user import INSTALLATION
from packshot.store.pool import DriverConnection

# Every table that holds something of a person, each by the person's id.
FORGET = (
    "DELETE FROM work.session WHERE tenant_id = $1 AND user_id = $2",
    "DELETE FROM work.reset WHERE tenant_id = $1 AND user_id = $2",
    "DELETE FROM work.person_identity WHERE tenant_id = $1 AND user_id = $2",
    "DELETE FROM work.oidc_journey WHERE tenant_id = $1 AND user_id = $2",
    "DELETE FROM work.person WHERE tenant_id = $1 AND user_id = $2",
)


async def forget_person(connection: DriverConnection, user_id: UserId) -> None:
    """Delete name, address, password, sessions, links and identities of a person."""
    for statement in FORGET:
        await connection.execute(statement, INSTALLATION.uuid, user_id.uuid)
