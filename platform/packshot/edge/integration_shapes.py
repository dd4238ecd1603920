"""How answers tell a connection to a shop: an integration, without anything secret."""

from collections.abc import Mapping
from typing import Any

from domain.connection import Connection
from packshot.edge.job_shapes import refusal_of_job
from packshot.edge.paging import PageAnswer
from packshot.edge.problems import problem_of
from packshot.edge.shapes import Answer, Time
from projections.connections import Synced

INTEGRATIONS_PATH = "/api/v1/integrations"
INTEGRATION = INTEGRATIONS_PATH + "/{integrationId}"


class SettingsAnswer(Answer):
    """Where the shop is: its address, or that it is the demo shop of this installation."""

    url: str | None
    demo: bool


class GiverAnswer(Answer):
    """Who gave the credentials."""

    type: str
    id: str


class IntegrationAnswer(Answer):
    """A connection to a shop: ``status`` is connected, failing or disconnected.

    ``account`` is what the shop calls itself. ``hint`` are the last four characters of the
    credentials, ``fingerprint`` tells them from others; both are null for the demo shop. ``error``
    is the problem of a failing one; ``lastSyncAt`` is when its catalog was last read to the end.
    """

    integration_id: str
    kind: str
    name: str
    status: str
    account: str
    settings: SettingsAnswer
    missing_scopes: list[str]
    hint: str | None
    fingerprint: str | None
    credentials_given_by: GiverAnswer
    error: Mapping[str, Any] | None
    last_sync_at: Time | None
    sync_job_id: str | None
    created_at: Time


class IntegrationsAnswer(Answer):
    """A page of integrations, oldest first."""

    data: list[IntegrationAnswer]
    page: PageAnswer


def integration_answer(connection: Connection, synced: Synced | None) -> IntegrationAnswer:
    """The connection as callers are told of it."""
    return IntegrationAnswer(
        integration_id=str(connection.integration_id),
        kind=connection.kind,
        name=connection.name,
        status=connection.status,
        account=connection.account,
        settings=SettingsAnswer(url=connection.url, demo=connection.is_demo),
        missing_scopes=[],
        hint=connection.hint,
        fingerprint=connection.fingerprint,
        credentials_given_by=GiverAnswer.model_validate(connection.given_by),
        error=None if connection.error is None else _problem(connection.error),
        last_sync_at=None if synced is None else synced.at,
        sync_job_id=None if connection.sync_job_id is None else str(connection.sync_job_id),
        created_at=connection.created_on,
    )


def _problem(error: Mapping[str, Any]) -> dict[str, Any]:
    """The problem document of what the shop failed with; it is of no single request."""
    problem = problem_of(refusal_of_job(error), request_id="")
    return {name: value for name, value in problem.items() if name != "requestId"}
