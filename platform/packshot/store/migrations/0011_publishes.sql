-- Publishes: a view that is right at once, and which pictures a shop has from us already.

CREATE TABLE views.publish (
  tenant_id      uuid        NOT NULL,
  publish_id     uuid        NOT NULL,
  integration_id uuid        NOT NULL,
  status         text        NOT NULL,
  sku            text        NOT NULL,
  output_id      uuid,                    -- null: an undo
  undo_of        uuid,
  error_code     text,
  requested_at   timestamptz NOT NULL,
  changed_at     timestamptz NOT NULL,
  version        int         NOT NULL,    -- of the newest event that the row knows
  PRIMARY KEY (tenant_id, publish_id)
) WITH (fillfactor = 70);
CREATE INDEX publish_by_status ON views.publish (tenant_id, status, publish_id);
CREATE INDEX publish_by_integration ON views.publish (tenant_id, integration_id, publish_id);

-- The same bytes are never uploaded twice to one shop: what it called them the last time.
CREATE TABLE views.remote_media (
  tenant_id      uuid NOT NULL,
  integration_id uuid NOT NULL,
  sha256         text NOT NULL,
  remote_id      text NOT NULL,
  PRIMARY KEY (tenant_id, integration_id, sha256)
) WITH (fillfactor = 70);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['publish', 'remote_media'] LOOP
    EXECUTE format('ALTER TABLE views.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE views.%I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY one_tenant ON views.%I FOR SELECT TO packshot_app'
                   ' USING (tenant_id = (SELECT es.current_tenant()))', name);
    EXECUTE format('CREATE POLICY append ON views.%I TO packshot_writer USING (true) WITH CHECK (true)', name);
    EXECUTE format('GRANT SELECT ON views.%I TO packshot_app', name);
    EXECUTE format('GRANT INSERT ON views.%I TO packshot_writer', name);
  END LOOP;
END $$;

-- The writer reads no more than its upserts compare, and rewrites no more than they change.
GRANT SELECT (tenant_id, publish_id, version, status, error_code, changed_at),
      UPDATE (status, error_code, changed_at, version) ON views.publish TO packshot_writer;
GRANT SELECT (tenant_id, integration_id, sha256, remote_id), UPDATE (remote_id)
  ON views.remote_media TO packshot_writer;
