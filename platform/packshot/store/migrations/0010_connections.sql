-- Connections to shops: their sealed credentials, the catalogs that were read through them.

-- The data key of an organization: it seals its credentials, and is itself sealed by the
-- installation's key-encryption key, which stands in no database.
CREATE TABLE work.data_key (
  tenant_id   uuid        NOT NULL,
  kek_version int         NOT NULL,        -- of the key-encryption key
  nonce       bytea       NOT NULL CHECK (length(nonce) = 12),
  wrapped     bytea       NOT NULL,
  made_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id)
);

-- A row per living connection; the demo shop has nothing sealed. The ciphertext is bound to its
-- organization, its connection and its version: moved to another row it opens no more.
CREATE TABLE work.credential (
  tenant_id      uuid        NOT NULL,
  integration_id uuid        NOT NULL,
  place          text        NOT NULL,     -- the shop; an organization connects each once
  version        int         NOT NULL,
  nonce          bytea       CHECK (length(nonce) = 12),
  ciphertext     bytea,
  sealed_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, integration_id),
  UNIQUE (tenant_id, place),
  CHECK ((nonce IS NULL) = (ciphertext IS NULL))
);

-- What the log says of each listing, so that a sync knows what has changed while it appends: the
-- view of the catalog follows the log and may be behind.
CREATE TABLE work.catalog_item (
  tenant_id      uuid  NOT NULL,
  integration_id uuid  NOT NULL,
  item_id        uuid  NOT NULL,
  digest         bytea NOT NULL,
  sync_id        uuid  NOT NULL,           -- that has seen it last
  PRIMARY KEY (tenant_id, integration_id, item_id)
) WITH (fillfactor = 70);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['work.data_key', 'work.credential', 'work.catalog_item'] LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY everybody ON %s TO packshot_writer USING (true) WITH CHECK (true)', name);
  END LOOP;
  -- What is sealed is read by the role that sees one organization at a time, and by no other.
  FOREACH name IN ARRAY ARRAY['work.data_key', 'work.credential'] LOOP
    EXECUTE format('CREATE POLICY one_tenant ON %s FOR SELECT TO packshot_app'
                   ' USING (tenant_id = (SELECT es.current_tenant()))', name);
    EXECUTE format('GRANT SELECT ON %s TO packshot_app', name);
  END LOOP;
END $$;
GRANT INSERT, SELECT (tenant_id) ON work.data_key TO packshot_writer;
GRANT INSERT, DELETE, SELECT (tenant_id, integration_id, place, version),
      UPDATE (version, nonce, ciphertext, sealed_at) ON work.credential TO packshot_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON work.catalog_item TO packshot_writer;

-- Which connections there are, right at once; each is read from its events.
CREATE TABLE views.connection (
  tenant_id      uuid    NOT NULL,
  integration_id uuid    NOT NULL,
  is_over        boolean NOT NULL,
  PRIMARY KEY (tenant_id, integration_id)
);

-- The newest whole reading of each connection's catalog, right at once.
CREATE TABLE views.catalog_sync (
  tenant_id      uuid        NOT NULL,
  integration_id uuid        NOT NULL,
  sync_id        uuid        NOT NULL,
  at             timestamptz NOT NULL,
  items          int         NOT NULL,
  changed        int         NOT NULL,
  removed        int         NOT NULL,
  PRIMARY KEY (tenant_id, integration_id)
);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['views.connection', 'views.catalog_sync'] LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY one_tenant ON %s FOR SELECT TO packshot_app'
                   ' USING (tenant_id = (SELECT es.current_tenant()))', name);
    EXECUTE format('CREATE POLICY append ON %s TO packshot_writer USING (true) WITH CHECK (true)', name);
    EXECUTE format('GRANT SELECT ON %s TO packshot_app', name);
  END LOOP;
END $$;
GRANT INSERT, SELECT (tenant_id, integration_id, is_over), UPDATE (is_over)
  ON views.connection TO packshot_writer;
GRANT INSERT, SELECT, UPDATE (sync_id, at, items, changed, removed)
  ON views.catalog_sync TO packshot_writer;

-- The catalog: it follows the log.
CREATE TABLE views.catalog_item (
  tenant_id      uuid  NOT NULL,
  item_id        uuid  NOT NULL,
  integration_id uuid  NOT NULL,
  position       bigint NOT NULL,           -- of the event that said this
  remote_id      text  NOT NULL,
  sku            text  NOT NULL,
  title          text  NOT NULL,
  url            text,
  images         jsonb NOT NULL,
  digest         text  NOT NULL,
  updated_at     timestamptz,
  CONSTRAINT catalog_item_pkey PRIMARY KEY (tenant_id, item_id)
);
CREATE INDEX catalog_item_by_sku ON views.catalog_item (tenant_id, sku, item_id);
CREATE INDEX catalog_item_by_shop ON views.catalog_item (tenant_id, integration_id, sku, item_id);
SELECT views.guard_following('views.catalog_item');
