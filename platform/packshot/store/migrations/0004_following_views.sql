-- Views that follow the log: a projector reads it behind the appends and keeps their rows.

-- How far each following view has come in each organization's log. The row is checkpoint and lease in
-- one: whoever holds its lock applies the next stretch, and moves it on in the same commit.
CREATE TABLE es.position (
  tenant_id    uuid        NOT NULL,
  view         text        NOT NULL,
  position     bigint      NOT NULL DEFAULT 0, -- the newest event that the view holds
  parked_at    timestamptz,                    -- since when the event after it cannot be applied
  parked_error text,                           -- what the database said of it
  PRIMARY KEY (tenant_id, view),
  CHECK ((parked_at IS NULL) = (parked_error IS NULL))
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- The projector reads every organization's log and writes nothing but following views.
DO $$
BEGIN
  BEGIN
    CREATE ROLE packshot_projector LOGIN;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- roles outlive a database
  END;
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    EXECUTE 'GRANT packshot_projector TO CURRENT_USER WITH SET TRUE';
  END IF;
END $$;

GRANT USAGE ON SCHEMA es, views TO packshot_projector;
GRANT SELECT ON es.event, es.tenant_head TO packshot_projector;
CREATE POLICY follow ON es.event FOR SELECT TO packshot_projector USING (true);
CREATE POLICY follow ON es.tenant_head FOR SELECT TO packshot_projector USING (true);

GRANT SELECT ON es.position TO packshot_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON es.position TO packshot_projector;
ALTER TABLE es.position ENABLE ROW LEVEL SECURITY;
ALTER TABLE es.position FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON es.position FOR SELECT TO packshot_app USING (tenant_id = (SELECT es.current_tenant()));
CREATE POLICY follow ON es.position TO packshot_projector USING (true) WITH CHECK (true);

-- Who may do what with a following view: the same for each, and for the table that a rebuild makes
-- beside it.
CREATE FUNCTION views.guard_following(wanted regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', wanted);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', wanted);
  EXECUTE format('CREATE POLICY one_tenant ON %s FOR SELECT TO packshot_app'
                 ' USING (tenant_id = (SELECT es.current_tenant()))', wanted);
  EXECUTE format('CREATE POLICY follow ON %s TO packshot_projector USING (true) WITH CHECK (true)', wanted);
  EXECUTE format('GRANT SELECT ON %s TO packshot_app', wanted);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO packshot_projector', wanted);
END $$;
REVOKE ALL ON FUNCTION views.guard_following(regclass) FROM PUBLIC;

-- One row per event: who did what, when. The sentence is made at reading, from the event itself.
CREATE TABLE views.activity (
  tenant_id  uuid        NOT NULL,
  position   bigint      NOT NULL,
  event_id   uuid        NOT NULL,
  at         timestamptz NOT NULL,
  type       text        NOT NULL,  -- the public type, job.succeeded or key.issued: no version
  stream_id  uuid        NOT NULL,
  actor_type text        NOT NULL,
  actor_id   text        NOT NULL,
  request_id text        NOT NULL,
  CONSTRAINT activity_pkey PRIMARY KEY (tenant_id, position)
);
CREATE INDEX activity_by_type ON views.activity (tenant_id, type, position);
CREATE INDEX activity_by_actor ON views.activity (tenant_id, actor_id, position);
SELECT views.guard_following('views.activity');
