-- Keys that are renamed, rotated, revoked and end: what the view of keys knows of each, every secret
-- that a key has had, and when a key was last used.

-- A row per secret, by the kid that stands in its text; none is ever changed. Secrets of a lower
-- version end at former_until, where one is given: a rotation says so for all before it.
CREATE TABLE views.api_key_secret (
  tenant_id    uuid        NOT NULL,
  key_id       uuid        NOT NULL,
  version      int         NOT NULL,       -- of the event that brought it
  kid          text        NOT NULL UNIQUE,
  mac          bytea       NOT NULL,       -- HMAC-SHA-256 of the key's text with the pepper of that id
  pepper_id    int         NOT NULL,
  former_until timestamptz,
  PRIMARY KEY (tenant_id, key_id, version)
);

ALTER TABLE views.api_key
  ADD COLUMN version         int NOT NULL DEFAULT 1, -- of the newest event that the row knows
  ADD COLUMN created_by_type text NOT NULL DEFAULT 'system',
  ADD COLUMN created_by_id   text NOT NULL DEFAULT '',
  ADD COLUMN expires_at      timestamptz,
  ADD COLUMN former_until    timestamptz,            -- until when a secret before the newest may work
  ADD COLUMN revoked_at      timestamptz,
  ADD COLUMN revoked_reason  text;

-- Keys of before. An owner who is no superuser sees every organization only while it is not forced
-- to one.
ALTER TABLE es.event NO FORCE ROW LEVEL SECURITY;
ALTER TABLE views.api_key NO FORCE ROW LEVEL SECURITY;
INSERT INTO views.api_key_secret (tenant_id, key_id, version, kid, mac, pepper_id)
SELECT k.tenant_id, k.key_id, 1, k.kid, k.mac, k.pepper_id FROM views.api_key k;
UPDATE views.api_key k
SET created_by_type = e.meta -> 'actor' ->> 'type', created_by_id = e.meta -> 'actor' ->> 'id'
FROM es.event e WHERE e.tenant_id = k.tenant_id AND e.stream_id = k.key_id AND e.version = 1;
ALTER TABLE es.event FORCE ROW LEVEL SECURITY;
ALTER TABLE views.api_key FORCE ROW LEVEL SECURITY;

DROP FUNCTION views.find_key(text);
ALTER TABLE views.api_key
  DROP COLUMN mac,
  DROP COLUMN pepper_id,
  ALTER COLUMN version DROP DEFAULT,
  ALTER COLUMN created_by_type DROP DEFAULT,
  ALTER COLUMN created_by_id DROP DEFAULT;

ALTER TABLE views.api_key_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE views.api_key_secret FORCE ROW LEVEL SECURITY;
CREATE POLICY append ON views.api_key_secret TO packshot_writer USING (true) WITH CHECK (true);
CREATE POLICY lookup ON views.api_key_secret FOR SELECT TO packshot_lookup USING (true);
-- The writer never reads a MAC; nobody but the function below does.
GRANT INSERT, SELECT (tenant_id, key_id, version) ON views.api_key_secret TO packshot_writer;
GRANT SELECT ON views.api_key_secret TO packshot_lookup;
REVOKE UPDATE (scopes) ON views.api_key FROM packshot_writer;
GRANT SELECT, UPDATE (kid, version, former_until, revoked_at, revoked_reason) ON views.api_key TO packshot_writer;

-- A key is found before its organization is known: one row, by the kid of any secret it has had.
CREATE FUNCTION views.find_key(wanted_kid text)
RETURNS TABLE (tenant_id uuid, org_name text, key_id uuid, mac bytea, pepper_id int, name text,
               environment text, scopes text[], created_at timestamptz, expires_at timestamptz,
               revoked_at timestamptz, secret_until timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT k.tenant_id, o.name, k.key_id, s.mac, s.pepper_id, k.name, k.environment, k.scopes,
         k.created_at, k.expires_at, k.revoked_at,
         (SELECT min(newer.former_until) FROM views.api_key_secret newer
          WHERE newer.tenant_id = s.tenant_id AND newer.key_id = s.key_id AND newer.version > s.version)
  FROM views.api_key_secret s
  JOIN views.api_key k ON k.tenant_id = s.tenant_id AND k.key_id = s.key_id
  JOIN views.organization o ON o.tenant_id = s.tenant_id
  WHERE s.kid = wanted_kid
$$;
GRANT CREATE ON SCHEMA views TO packshot_lookup;
ALTER FUNCTION views.find_key(text) OWNER TO packshot_lookup;
REVOKE CREATE ON SCHEMA views FROM packshot_lookup;
REVOKE ALL ON FUNCTION views.find_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION views.find_key(text) TO packshot_app;

-- When a key was last used is no event: API processes tell it every few seconds.
CREATE TABLE work.key_use (
  tenant_id    uuid        NOT NULL,
  key_id       uuid        NOT NULL,
  last_used_at timestamptz NOT NULL,
  address      text        NOT NULL,       -- of the client
  endpoint     text        NOT NULL,       -- method and declared path
  PRIMARY KEY (tenant_id, key_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE work.key_use ENABLE ROW LEVEL SECURITY;
ALTER TABLE work.key_use FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON work.key_use FOR SELECT TO packshot_app USING (tenant_id = (SELECT es.current_tenant()));
CREATE POLICY everybody ON work.key_use TO packshot_writer USING (true) WITH CHECK (true);
GRANT SELECT ON work.key_use TO packshot_app;
GRANT SELECT, INSERT, UPDATE (last_used_at, address, endpoint) ON work.key_use TO packshot_writer;
