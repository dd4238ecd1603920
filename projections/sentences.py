"""What the activity feed says of an event: a sentence for each public type."""

from collections.abc import Mapping
from string import Formatter
from typing import Any

SENTENCES: Mapping[str, str] = {
    "organization.created": "The organization “{name}” was founded.",
    "organization.webhook-secret-rotated": "The webhook secret was rotated, to version {version}.",
    "organization.renamed": "The organization “{former_name}” was renamed “{name}”.",
    "organization.suspended": "The organization was suspended: {reason}",
    "organization.resumed": "The organization was resumed.",
    "organization.limited": "The limits of the organization were changed.",
    "organization.closed": "The organization was closed.",
    "organization.reopened": "The organization was opened again.",
    "tenant.enrolled": "The organization “{name}” is looked after from here on.",
    "tenant.founded": "An organization was founded.",
    "tenant.suspended": "An organization was suspended: {reason}",
    "tenant.resumed": "The suspension of an organization was ended.",
    "tenant.limited": "An organization was given limits.",
    "tenant.closed": "An organization was closed.",
    "tenant.reopened": "An organization was opened again.",
    "team.created": "The team “{name}” was created.",
    "team.renamed": "The team “{former_name}” was renamed “{name}”.",
    "team.member-added": "{person} was added to the team as {role}.",
    "team.member-role-changed": "The role of {person} in the team was changed to {role}.",
    "team.member-removed": "{person} is in the team no more.",
    "team.deleted": "The team “{name}” was deleted.",
    "user.registered": "A person registered.",
    "user.password-changed": "A person set a password.",
    "user.password-reset": "A person replaced a lost password.",
    "user.password-reset-offered": "A link was made that replaces the lost password of a person.",
    "user.oidc-linked": "A person linked their account to {issuer}.",
    "user.oidc-unlinked": "A person unlinked their account from {issuer}.",
    "user.disabled": "A person was kept out of the installation.",
    "user.erased": "A person was erased: name, address and password are gone.",
    "user.enabled": "A person was let into the installation again.",
    "invite.sent": "Somebody was invited as {role}.",
    "invite.accepted": "An invitation was accepted.",
    "invite.withdrawn": "An invitation was withdrawn.",
    "membership.begun": "{person} joined as {role}.",
    "membership.role-changed": "The role of {person} was changed to {role}.",
    "membership.password-reset-offered": "A link was made that replaces the password of {person}.",
    "membership.ended": "{person} belongs to the organization no more.",
    "key.created": "The API key “{name}” was created.",
    "key.adopted": "Another person answers for the API key “{name}”.",
    "key.renamed": "The API key “{former_name}” was renamed “{name}”.",
    "key.rescoped": "The scopes of the API key “{name}” were changed.",
    "key.rescheduled": "The end of the API key “{name}” was moved.",
    "key.confined": "The networks of the API key “{name}” were changed.",
    "key.limited": "The limit of the API key “{name}” was changed.",
    "key.expiring": "The API key “{name}” is about to end; days left: {days_left}.",
    "key.expired": "The time of the API key “{name}” is over.",
    "key.rotated": "The API key “{name}” was given a new secret.",
    "key.revoked": "The API key “{name}” was revoked.",
    "integration.connected": "The shop “{account}” was connected as “{name}”.",
    "integration.renamed": "The connection was renamed “{name}”.",
    "integration.credentials-rotated": "The connection to “{account}” was given new credentials.",
    "integration.failing": "The shop does not answer as it should: {error[detail]}",
    "integration.recovered": "The shop answers again.",
    "integration.sync-requested": "A sync of the catalog was asked for.",
    "integration.disconnected": "The shop was disconnected.",
    "publish.requested": "A publish to {listing} was asked for.",
    "publish.planned": "The publish to {item[sku]} was planned.",
    "publish.started": "Sending the publish to the shop began, attempt {attempt}.",
    "publish.submitted": "The shop took the publish and works on it.",
    "publish.succeeded": "The publish is live: the shop shows it.",
    "publish.failed": "The publish failed: {error[detail]}",
    "publish.doubted": "What came of the publish is not known: {reason[detail]}",
    "publish.drifted": "The listing was seen changed by somebody else.",
    "publish.recovered": "The listing shows again what was published.",
    "publish.retried": "The publish was asked for again.",
    "publish.undo-requested": "It was asked to take the publish back.",
    "publish.rolled_back": "The publish was taken back: the listing is as it was before.",
    "catalog.sync-started": "The reading of a catalog began.",
    "catalog.page-fetched": "A page of a catalog was read: {seen} items.",
    "catalog.synced": "A catalog was read: {items} items, {changed} new or changed.",
    "catalog.sync-failed": "A catalog could not be read: {error[detail]}",
    "catalog.sync-resumed": "The reading of a catalog went on.",
    "job.requested": "A job was asked for: {operation}.",
    "job.queued": "The job was queued.",
    "job.started": "Work on the job began, attempt {attempt}.",
    "job.postponed": "The job was put off: {reason[detail]}",
    "job.interrupted": "Work on the job was interrupted: its worker was lost.",
    "job.succeeded": "The job succeeded.",
    "job.partial": "The job ended; items that succeeded: {succeeded}, others: {unsuccessful}.",
    "job.failed": "The job failed: {error[detail]}",
    "job.cancelled": "The job was cancelled.",
    "job.retried": "The job was asked for again.",
}

SOMEBODY = "A person"
NOBODY = "A former member"  # whose name is gone, where names were looked for


def _has_fields(template: str) -> bool:
    return any(name for _, name, _, _ in Formatter().parse(template))


TYPES_THAT_TELL_MORE = [name for name, template in SENTENCES.items() if _has_fields(template)]
"""The types whose sentence needs the event's data; of the others it is never read."""


def listing_of(data: Mapping[str, Any]) -> str:
    """How the listing that a publish is for was named: by its SKU or by the shop's id of it."""
    target = data.get("target")
    named = target if isinstance(target, Mapping) else {}
    return str(named.get("sku") or named.get("product_id") or "a listing")


def sentence_of(public_type: str, data: Mapping[str, Any]) -> str:
    """The sentence for an event of that public type with that data.

    ``person`` is whom it is about, where that is known: names lie beside the log. A type of a later
    release, or data that an earlier one stored without a field, gets a plain sentence: the feed
    tells everything that happened.
    """
    try:
        known = {"person": SOMEBODY, "listing": listing_of(data), **data}
        return SENTENCES[public_type].format_map(known)
    except (KeyError, TypeError, IndexError):
        noun, _, participle = public_type.partition(".")
        return f"{noun.replace('-', ' ').capitalize()} {participle.replace('-', ' ')}."
