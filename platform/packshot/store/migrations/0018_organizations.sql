-- Organizations that are renamed, suspended, limited and closed, and who wrote so.

ALTER TABLE views.organization
  ADD COLUMN version       int NOT NULL DEFAULT 1, -- of the newest event that the row knows
  ADD COLUMN suspended_for text,                   -- the reason; null: not suspended
  ADD COLUMN suspended_at  timestamptz,
  ADD COLUMN final_at      timestamptz,            -- when a closing becomes final; null: not closed
  ADD COLUMN limits        json;                   -- null: those of everybody
ALTER TABLE views.organization ALTER COLUMN version DROP DEFAULT;
REVOKE SELECT (tenant_id, name), UPDATE (name) ON views.organization FROM packshot_writer;
GRANT SELECT, UPDATE (version, name, suspended_for, suspended_at, final_at, limits)
  ON views.organization TO packshot_writer;

-- False while an organization is suspended or closed: then keys and people append nothing, at once
-- and whatever any process still believes. The installation itself finishes what was begun.
ALTER TABLE es.tenant_head ADD COLUMN admits boolean NOT NULL DEFAULT true;
GRANT UPDATE (admits) ON es.tenant_head TO packshot_writer;

-- How the organization of a key or of a person stands, before one of them is chosen.
CREATE FUNCTION views.find_standing(wanted_tenant uuid)
RETURNS TABLE (suspended_for text, final_at timestamptz, limits json)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT o.suspended_for, o.final_at, o.limits
  FROM views.organization o WHERE o.tenant_id = wanted_tenant
$$;
GRANT CREATE ON SCHEMA views TO packshot_lookup;
ALTER FUNCTION views.find_standing(uuid) OWNER TO packshot_lookup;
REVOKE CREATE ON SCHEMA views FROM packshot_lookup;
REVOKE ALL ON FUNCTION views.find_standing(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION views.find_standing(uuid) TO packshot_app;

-- Teams, and who is in them.
CREATE TABLE views.team (
  tenant_id  uuid        NOT NULL,
  team_id    uuid        NOT NULL,
  name       text        NOT NULL,
  is_deleted boolean     NOT NULL,
  created_at timestamptz NOT NULL,
  version    int         NOT NULL,
  PRIMARY KEY (tenant_id, team_id)
);
CREATE TABLE views.team_member (
  tenant_id  uuid        NOT NULL,
  team_id    uuid        NOT NULL,
  user_id    uuid        NOT NULL,
  role       text        NOT NULL CHECK (role IN ('lead', 'member')),
  is_removed boolean     NOT NULL,
  added_at   timestamptz NOT NULL,
  version    int         NOT NULL,
  PRIMARY KEY (tenant_id, team_id, user_id)
);
CREATE INDEX team_member_by_user ON views.team_member (tenant_id, user_id) WHERE NOT is_removed;

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['team', 'team_member'] LOOP
    EXECUTE format('ALTER TABLE views.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE views.%I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY one_tenant ON views.%I FOR SELECT TO packshot_app'
                   ' USING (tenant_id = (SELECT es.current_tenant()))', name);
    EXECUTE format('CREATE POLICY append ON views.%I TO packshot_writer USING (true) WITH CHECK (true)', name);
    EXECUTE format('GRANT SELECT ON views.%I TO packshot_app', name);
    EXECUTE format('GRANT INSERT ON views.%I TO packshot_writer', name);
  END LOOP;
END $$;
GRANT SELECT (tenant_id, team_id, name, is_deleted, version), UPDATE (name, is_deleted, version)
  ON views.team TO packshot_writer;
GRANT SELECT (tenant_id, team_id, user_id, role, is_removed, added_at, version),
  UPDATE (role, is_removed, added_at, version)
  ON views.team_member TO packshot_writer;

-- Members in pages, found by name or address: these lie beside the log and of another tenant, so a
-- function joins the two, for the organization of the transaction and no other.
CREATE INDEX membership_in_order ON views.membership (tenant_id, began_at, user_id) WHERE NOT is_ended;
GRANT USAGE ON SCHEMA work TO packshot_lookup;
GRANT SELECT (tenant_id, user_id, name, email) ON work.person TO packshot_lookup;
CREATE POLICY lookup ON work.person FOR SELECT TO packshot_lookup USING (true);

CREATE FUNCTION views.find_members(matching text)
RETURNS TABLE (user_id uuid, role text, began_at timestamptz, name text, email text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT m.user_id, m.role, m.began_at, p.name, p.email
  FROM views.membership m
  JOIN work.person p ON p.tenant_id = '00000000-0000-7000-8000-000000000001' AND p.user_id = m.user_id
  WHERE m.tenant_id = nullif(current_setting('app.tenant', true), '')::uuid AND NOT m.is_ended
    AND strpos(lower(p.name || ' ' || p.email), lower(matching)) > 0
$$;
GRANT CREATE ON SCHEMA views TO packshot_lookup;
ALTER FUNCTION views.find_members(text) OWNER TO packshot_lookup;
REVOKE CREATE ON SCHEMA views FROM packshot_lookup;
REVOKE ALL ON FUNCTION views.find_members(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION views.find_members(text) TO packshot_app;
