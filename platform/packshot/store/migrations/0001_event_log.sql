-- The event log. Order and truth live per organization: no global sequence, no NOTIFY in the append.

CREATE SCHEMA es;

-- One row per organization: the append's lock, its sequence and the tip of its hash chain.
CREATE TABLE es.tenant_head (
  tenant_id uuid    PRIMARY KEY,
  seq       bigint  NOT NULL DEFAULT 0,   -- the position of the newest event, gapless from 1
  hash      bytea   NOT NULL,             -- sha256(previous tip || digests of the append)
  open      boolean NOT NULL DEFAULT true -- false: frozen, nothing can be appended
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE es.event (
  tenant_id uuid        NOT NULL,
  seq       bigint      NOT NULL,         -- commit order within the organization
  stream_id uuid        NOT NULL,         -- the aggregate
  version   int         NOT NULL CHECK (version > 0),
  event_id  uuid        NOT NULL,
  type      text        NOT NULL,         -- a topic such as job.succeeded.v1, never a Python path
  data      json        NOT NULL,         -- json keeps the exact bytes, jsonb does not: they are hashed
  meta      json        NOT NULL,         -- actor, request, correlation, causation
  at        timestamptz NOT NULL,         -- sent by the application, so that the digest covers it
  hash      bytea       NOT NULL,         -- the chain's tip after this event's append
  PRIMARY KEY (tenant_id, seq),
  CONSTRAINT event_stream_version UNIQUE (tenant_id, stream_id, version)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);

-- What only one organization may hold: a key's kid, later an email or a shop's domain.
CREATE TABLE es.claim (
  kind      text NOT NULL,
  value     text NOT NULL,
  tenant_id uuid NOT NULL,
  stream_id uuid NOT NULL,
  PRIMARY KEY (kind, value)
);

-- Append-only for everybody, the owner and a superuser's slip included.
CREATE FUNCTION es.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'es.% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER event_row_is_final BEFORE UPDATE OR DELETE ON es.event
  FOR EACH ROW EXECUTE FUNCTION es.refuse_change();
CREATE TRIGGER event_log_is_final BEFORE TRUNCATE ON es.event
  FOR EACH STATEMENT EXECUTE FUNCTION es.refuse_change();

-- Roles: app reads one organization at a time; writer appends and cannot read payloads;
-- lookup owns the one function that finds a key before its organization is known.
DO $$
DECLARE wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['packshot_app LOGIN', 'packshot_writer LOGIN', 'packshot_lookup NOLOGIN'] LOOP
    BEGIN
      EXECUTE 'CREATE ROLE ' || wanted;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- roles outlive a database
    END;
  END LOOP;
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    EXECUTE 'GRANT packshot_app, packshot_writer, packshot_lookup TO CURRENT_USER WITH SET TRUE';
  END IF;
END $$;

GRANT USAGE ON SCHEMA es TO packshot_app, packshot_writer;
GRANT SELECT ON es.event, es.tenant_head TO packshot_app;
GRANT INSERT ON es.event TO packshot_writer;
-- An append moves a head on; it cannot open a closed log or take another's.
GRANT INSERT (tenant_id, hash), SELECT, UPDATE (seq, hash) ON es.tenant_head TO packshot_writer;
GRANT INSERT ON es.claim TO packshot_writer;

-- The organization that a statement of packshot_app acts for; null, and so no row, when unset.
CREATE FUNCTION es.current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(current_setting('app.tenant', true), '')::uuid;

ALTER TABLE es.event ENABLE ROW LEVEL SECURITY;
ALTER TABLE es.event FORCE ROW LEVEL SECURITY;
ALTER TABLE es.tenant_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE es.tenant_head FORCE ROW LEVEL SECURITY;
ALTER TABLE es.claim ENABLE ROW LEVEL SECURITY;
ALTER TABLE es.claim FORCE ROW LEVEL SECURITY;

CREATE POLICY one_tenant ON es.event FOR SELECT TO packshot_app USING (tenant_id = (SELECT es.current_tenant()));
CREATE POLICY one_tenant ON es.tenant_head FOR SELECT TO packshot_app USING (tenant_id = (SELECT es.current_tenant()));
-- The writer's one statement binds the organization itself (store/append.py).
CREATE POLICY append ON es.event FOR INSERT TO packshot_writer WITH CHECK (true);
CREATE POLICY append ON es.tenant_head TO packshot_writer USING (true) WITH CHECK (true);
CREATE POLICY append ON es.claim FOR INSERT TO packshot_writer WITH CHECK (true);
