-- Views that are right at once: their rows are written by the append that causes them.

CREATE SCHEMA views;
GRANT USAGE ON SCHEMA views TO packshot_app, packshot_writer, packshot_lookup;

CREATE TABLE views.organization (
  tenant_id  uuid        PRIMARY KEY,
  name       text        NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE TABLE views.api_key (
  tenant_id   uuid        NOT NULL,
  key_id      uuid        NOT NULL,
  kid         text        NOT NULL UNIQUE,
  mac         bytea       NOT NULL,        -- HMAC-SHA-256 of the key's text with the pepper of that id
  pepper_id   int         NOT NULL,
  name        text        NOT NULL,
  environment text        NOT NULL CHECK (environment IN ('live', 'test')),
  scopes      text[]      NOT NULL,
  created_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, key_id)
);

CREATE TABLE views.output (
  tenant_id  uuid        NOT NULL,
  output_id  uuid        NOT NULL,
  cache_key  bytea       NOT NULL,         -- sha256 of input, recipe and engine
  document   json        NOT NULL,         -- the output as its job recorded it
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, output_id)
);
CREATE INDEX output_by_cache_key ON views.output (tenant_id, cache_key, output_id);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['organization', 'api_key', 'output'] LOOP
    EXECUTE format('ALTER TABLE views.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE views.%I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY one_tenant ON views.%I FOR SELECT TO packshot_app'
                   ' USING (tenant_id = (SELECT es.current_tenant()))', name);
    EXECUTE format('CREATE POLICY append ON views.%I TO packshot_writer USING (true) WITH CHECK (true)', name);
    EXECUTE format('GRANT SELECT ON views.%I TO packshot_app', name);
    EXECUTE format('GRANT INSERT ON views.%I TO packshot_writer', name);
  END LOOP;
END $$;

-- The writer reads no more than its upserts compare, and rewrites no more than they change:
-- never a MAC, never a document.
GRANT SELECT (tenant_id, name), UPDATE (name) ON views.organization TO packshot_writer;
GRANT SELECT (tenant_id, key_id, name, scopes), UPDATE (name, scopes) ON views.api_key TO packshot_writer;
GRANT SELECT (tenant_id, output_id) ON views.output TO packshot_writer;

-- A key is found before its organization is known: one row, by kid, and nothing else.
GRANT SELECT ON views.api_key, views.organization TO packshot_lookup;
CREATE POLICY lookup ON views.api_key FOR SELECT TO packshot_lookup USING (true);
CREATE POLICY lookup ON views.organization FOR SELECT TO packshot_lookup USING (true);

CREATE FUNCTION views.find_key(wanted_kid text)
RETURNS TABLE (tenant_id uuid, org_name text, key_id uuid, mac bytea, pepper_id int, name text,
               environment text, scopes text[], created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT k.tenant_id, o.name, k.key_id, k.mac, k.pepper_id, k.name, k.environment, k.scopes, k.created_at
  FROM views.api_key k JOIN views.organization o ON o.tenant_id = k.tenant_id
  WHERE k.kid = wanted_kid
$$;
GRANT CREATE ON SCHEMA views TO packshot_lookup;
ALTER FUNCTION views.find_key(text) OWNER TO packshot_lookup;
REVOKE CREATE ON SCHEMA views FROM packshot_lookup;
REVOKE ALL ON FUNCTION views.find_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION views.find_key(text) TO packshot_app;
