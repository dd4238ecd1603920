"""The ids that addresses name: a malformed one names nothing, as an unknown one does."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from domain.errors import NotFound
from domain.ids import (
    Id,
    IntegrationId,
    InviteId,
    ItemId,
    JobId,
    KeyId,
    PublishId,
    TeamId,
    UserId,
)
from packshot.commands.api_keys import no_such_key
from packshot.commands.catalog import no_such_item
from packshot.commands.connections import no_such_integration
from packshot.commands.jobs import no_such_job
from packshot.commands.members import no_such_invite, no_such_member
from packshot.commands.publishes import no_such_publish
from packshot.commands.teams import no_such_team

IdT = TypeVar("IdT", bound=Id)


def job_id_of(path: Mapping[str, str]) -> JobId:
    """The job of an address; raises NotFound."""
    return _named(JobId, path["jobId"], no_such_job)


def key_id_of(path: Mapping[str, str]) -> KeyId:
    """The API key of an address; raises NotFound."""
    return _named(KeyId, path["keyId"], no_such_key)


def publish_id_of(path: Mapping[str, str]) -> PublishId:
    """The publish of an address; raises NotFound."""
    return _named(PublishId, path["publishId"], no_such_publish)


def user_id_of(path: Mapping[str, str]) -> UserId:
    """The member of an address; raises NotFound."""
    return _named(UserId, path["userId"], no_such_member)


def invite_id_of(path: Mapping[str, str]) -> InviteId:
    """The invite of an address; raises NotFound."""
    return _named(InviteId, path["inviteId"], no_such_invite)


def team_id_of(path: Mapping[str, str]) -> TeamId:
    """The team of an address; raises NotFound."""
    return _named(TeamId, path["teamId"], no_such_team)


def integration_id_of(path: Mapping[str, str]) -> IntegrationId:
    """The connection of an address; raises NotFound."""
    return parsed_integration_id(path["integrationId"])


def parsed_integration_id(text: str) -> IntegrationId:
    """The connection that a field or a filter names; raises NotFound."""
    return _named(IntegrationId, text, no_such_integration)


def listing_id_of(path: Mapping[str, str]) -> ItemId:
    """The listing of an address; raises NotFound."""
    return parsed_listing_id(path["itemId"])


def parsed_listing_id(text: str) -> ItemId:
    """The listing that a field names; raises NotFound."""
    return _named(ItemId, text, no_such_item)


def _named(kind: type[IdT], text: str, no_such: Callable[[], NotFound]) -> IdT:
    try:
        return kind.parse(text)
    except ValueError:
        raise no_such() from None
