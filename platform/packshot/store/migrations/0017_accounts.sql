-- Accounts: sessions that people see and end, links that reset a password, and identities of an
-- outside provider. Everything lies under the installation's tenant (domain/user.py).

-- What names a session to its person, and from where it is used. The role is that of the last look:
-- when it is another one today, the session is given a new text.
ALTER TABLE work.session
  ADD COLUMN session_id uuid        NOT NULL DEFAULT gen_random_uuid(),
  ADD COLUMN role       text,
  ADD COLUMN proven_at  timestamptz NOT NULL DEFAULT to_timestamp(0), -- when they last proved who they are
  ADD COLUMN browser    text        NOT NULL DEFAULT '',  -- its family and system: Firefox on Linux
  ADD COLUMN address    text        NOT NULL DEFAULT '';  -- shortened: 192.0.2.x

-- A person who is kept out signs in no more; null for everybody else.
ALTER TABLE work.person ADD COLUMN disabled_at timestamptz;

-- Links that reset a password once: found by the hash of their secret.
CREATE TABLE work.reset (
  tenant_id  uuid        NOT NULL,
  reset_hash bytea       NOT NULL,         -- sha256 of the link's secret
  user_id    uuid        NOT NULL,
  org_id     uuid,                         -- whose owner or admin made it; null: the installation, or mail
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, reset_hash)
);
CREATE INDEX reset_by_user ON work.reset (tenant_id, user_id);

-- Who a person is to a provider of identities (OpenID Connect).
CREATE TABLE work.person_identity (
  tenant_id uuid        NOT NULL,
  issuer    text        NOT NULL,
  subject   text        NOT NULL,          -- what the provider calls the person, for ever
  user_id   uuid        NOT NULL,
  label     text        NOT NULL,          -- what the person knows it by: an address, mostly
  linked_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, issuer, subject)
);
CREATE INDEX person_identity_by_user ON work.person_identity (tenant_id, user_id);

-- Journeys to a provider and back, each used once. Nonce and verifier follow from the browser's own
-- cookie, of which only the hash is here.
CREATE TABLE work.oidc_journey (
  tenant_id    uuid        NOT NULL,
  state_hash   bytea       NOT NULL,
  browser_hash bytea       NOT NULL,
  purpose      text        NOT NULL,       -- sign-in, join, link or prove
  user_id      uuid,                       -- who was signed in, for link and prove
  link_hash    bytea,                      -- the invite's link, for join
  going_on     text        NOT NULL,       -- the address among ours to go on at
  act          bytea,                      -- what waits for a proof, sealed for the session
  started_at   timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, state_hash)
);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['reset', 'person_identity', 'oidc_journey'] LOOP
    EXECUTE format('ALTER TABLE work.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE work.%I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY one_tenant ON work.%I FOR SELECT TO packshot_app'
                   ' USING (tenant_id = (SELECT es.current_tenant()))', name);
    EXECUTE format('CREATE POLICY everybody ON work.%I TO packshot_writer USING (true) WITH CHECK (true)', name);
    EXECUTE format('GRANT SELECT ON work.%I TO packshot_app', name);
    EXECUTE format('GRANT INSERT, DELETE ON work.%I TO packshot_writer', name);
  END LOOP;
END $$;
GRANT SELECT (session_id), UPDATE (session_hash, role, proven_at) ON work.session TO packshot_writer;
GRANT SELECT (disabled_at), UPDATE (disabled_at) ON work.person TO packshot_writer;
GRANT SELECT ON work.reset, work.oidc_journey TO packshot_writer;
GRANT SELECT (tenant_id, issuer, subject, user_id) ON work.person_identity TO packshot_writer;
