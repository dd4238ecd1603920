-- Who sent an invite: it ends with the sender's right to send it.
ALTER TABLE views.invite
  ADD COLUMN sent_by_type text NOT NULL DEFAULT 'system',
  ADD COLUMN sent_by_id   text NOT NULL DEFAULT '';

-- Invites of before. An owner who is no superuser sees every organization only while it is not forced
-- to one.
ALTER TABLE es.event NO FORCE ROW LEVEL SECURITY;
ALTER TABLE views.invite NO FORCE ROW LEVEL SECURITY;
UPDATE views.invite i
SET sent_by_type = e.meta -> 'actor' ->> 'type', sent_by_id = e.meta -> 'actor' ->> 'id'
FROM es.event e WHERE e.tenant_id = i.tenant_id AND e.stream_id = i.invite_id AND e.version = 1;
ALTER TABLE es.event FORCE ROW LEVEL SECURITY;
ALTER TABLE views.invite FORCE ROW LEVEL SECURITY;
ALTER TABLE views.invite
  ALTER COLUMN sent_by_type DROP DEFAULT,
  ALTER COLUMN sent_by_id DROP DEFAULT;

-- Links that are too old are forgotten when the next one is made.
GRANT SELECT (expires_at) ON work.link TO packshot_writer;
