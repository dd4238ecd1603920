"""The planted faults: a promise each, taken out of the product, and the tests that must object."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Fault:
    """In ``file`` the text ``right`` becomes ``wrong``; then the test of ``module`` must fail."""

    name: str
    file: str
    right: str
    wrong: str
    module: str
    test: str

    def plant(self, root: Path) -> None:
        """Change the file below ``root``; raises ValueError where the text is not there once."""
        path = root / self.file
        text = path.read_text()
        if text.count(self.right) != 1:
            raise ValueError(f"{self.name}: {text.count(self.right)} such texts in {self.file}")
        path.write_text(text.replace(self.right, self.wrong))


FAULTS = (
    Fault(
        "a lease is taken whoever holds it",
        "platform/packshot/store/jobqueue.py",
        "AND (state IN ('waiting', 'sent') OR (state = 'leased' AND lease_until < now()))",
        "AND state <> 'ended'",
        "tests/integration/jobs/test_attempts.py",
        "test_two_workers_at_once_make_one_output",
    ),
    Fault(
        "a job is ended without its token",
        "platform/packshot/store/jobqueue.py",
        """\
        DELETE FROM work.job
        WHERE tenant_id = $1 AND job_id = $2 AND lease_token = $3 AND state = 'leased'
""",
        """\
        DELETE FROM work.job
        WHERE tenant_id = $1 AND job_id = $2 AND $3::uuid IS NOT NULL AND state = 'leased'
""",
        "tests/chaos/test_queue.py",
        "test_who_lost_the_lease_cannot_end_the_job_under_the_next_worker",
    ),
    Fault(
        "a lease is never renewed",
        "platform/packshot/commands/attempts.py",
        "await asyncio.sleep(self.lease_s / RENEWALS_A_LEASE)",
        "await asyncio.sleep(self.lease_s * 1000)",
        "tests/chaos/test_queue.py",
        "test_a_lease_is_renewed_for_as_long_as_the_work_takes",
    ),
    Fault(
        "the relay does not send again",
        "platform/packshot/store/jobrelay.py",
        "WHERE state = 'sent' AND sent_at < now() - make_interval(secs => $1)",
        "WHERE false AND sent_at < now() - make_interval(secs => $1)",
        "tests/integration/jobs/test_relay.py",
        "test_a_job_that_nobody_claims_is_sent_again",
    ),
    Fault(
        "commit, then queue",
        "platform/packshot/commands/jobs.py",
        """\
            await jobqueue.put(await unit.connection(), context.org_id, job.job_id, ticket)
            failpoint("job.before_commit")
""",
        """\
        failpoint("job.before_commit")
        async with self.store.together() as unit:
            await jobqueue.put(await unit.connection(), context.org_id, job.job_id, ticket)
""",
        "tests/chaos/test_queue.py",
        "test_a_job_and_its_place_in_the_queue_become_true_together",
    ),
    Fault(
        "a webhook's lease is forgotten",
        "platform/packshot/store/deliveries.py",
        "WHERE state = 'sending' AND lease_until < $1",
        "WHERE false AND lease_until < $1",
        "tests/integration/webhooks/test_lost_senders.py",
        "test_a_sender_that_is_killed_before_its_note_leaves_the_event_to_the_next",
    ),
    Fault(
        "an address is dialled unchecked",
        "integrations/dialing.py",
        "    reach.require_addresses(found, target.port)\n",
        "",
        "tests/integration/outbound/test_refused.py",
        "test_a_name_that_turns_private_after_the_check_is_refused",
    ),
    Fault(
        "no gate before a picture is decoded",
        "imaging/limits.py",
        """\
    _refuse_pixels(header.width_px, header.height_px, limits=limits)
    _refuse_memory(header, limits)
""",
        "",
        "tests/unit/imaging/test_limits.py",
        "test_a_progressive_jpeg_is_predicted_to_take_more_memory",
    ),
    Fault(
        "a follower skips what it has not read",
        "platform/packshot/store/follow.py",
        "SET position = $3 WHERE",
        "SET position = greatest($3, (SELECT seq FROM es.tenant_head WHERE tenant_id = $1)) WHERE",
        "tests/integration/projections/test_follow.py",
        "test_followers_beside_writers_miss_nothing_and_repeat_nothing",
    ),
    Fault(
        "another request is answered for the same key",
        "platform/packshot/edge/idempotency.py",
        "changed = changed_fields(found.fingerprint, sent)",
        "changed: list[str] = []",
        "tests/api/test_idempotency.py",
        "test_another_request_with_the_key_is_refused_and_told_what_differs",
    ),
    Fault(
        "an answer is kept after its effect",
        "platform/packshot/edge/idempotency.py",
        "            reply = written(await endpoint.handler(call))\n",
        """\
            reply = written(await endpoint.handler(call))
        async with services.store.together() as unit:
""",
        "tests/api/test_idempotency_faults.py",
        "test_a_process_killed_there_leaves_one_effect_and_one_answer",
    ),
    Fault(
        "a row-level policy lets everybody in",
        "platform/packshot/store/migrations/0001_event_log.sql",
        "CREATE POLICY one_tenant ON es.event FOR SELECT TO packshot_app"
        " USING (tenant_id = (SELECT es.current_tenant()));",
        "CREATE POLICY one_tenant ON es.event FOR SELECT TO packshot_app USING (true);",
        "tests/integration/store/test_isolation.py",
        "test_a_forgotten_where_shows_one_organization_only",
    ),
    Fault(
        "a webhook's signature leaves its body out",
        "domain/webhook_secret.py",
        '.".encode() + body',
        '.".encode()',
        "tests/integration/webhooks/test_signatures.py",
        "test_a_receiver_can_verify_what_it_is_told",
    ),
    Fault(
        "a scope is not asked for",
        "platform/packshot/edge/credentials.py",
        "    if scope in key.scopes:\n",
        "    if key.scopes:\n",
        "tests/api/test_credentials.py",
        "test_a_missing_scope_is_named",
    ),
    Fault(
        "a key's checksum is not looked at",
        "domain/key_text.py",
        "if match is None or checksum(text[:-CHECKSUM_LENGTH]) != match[4]:",
        "if match is None:",
        "tests/unit/domain/test_key_text.py",
        "test_every_key_with_one_character_changed_is_refused",
    ),
)
