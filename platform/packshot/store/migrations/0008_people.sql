-- People: what is personal or secret lies here, beside the log, which knows them by id only. Their
-- tenant is the installation (domain/user.py), whatever organizations they belong to.

CREATE TABLE work.person (
  tenant_id     uuid        NOT NULL,
  user_id       uuid        NOT NULL,
  email         text        NOT NULL,      -- as it is compared: trimmed, lower case
  name          text        NOT NULL,
  password_hash text,                      -- argon2id in its own notation; null: no password yet
  created_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, user_id),
  CONSTRAINT person_email UNIQUE (tenant_id, email)
);

-- Who is signed in. The cookie's text is not here, only its hash.
CREATE TABLE work.session (
  tenant_id    uuid        NOT NULL,
  session_hash bytea       NOT NULL,       -- sha256 of the cookie's text
  user_id      uuid        NOT NULL,
  org_id       uuid        NOT NULL,       -- the organization that is looked at
  created_at   timestamptz NOT NULL,
  seen_at      timestamptz NOT NULL,       -- to the minute
  PRIMARY KEY (tenant_id, session_hash)
) WITH (fillfactor = 70);
CREATE INDEX session_by_user ON work.session (tenant_id, user_id);

-- One-time links: found by the hash of their secret, before anybody is signed in.
CREATE TABLE work.link (
  tenant_id  uuid        NOT NULL,
  link_hash  bytea       NOT NULL,         -- sha256 of the link's secret
  org_id     uuid        NOT NULL,
  invite_id  uuid        NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, link_hash)
);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['person', 'session', 'link'] LOOP
    EXECUTE format('ALTER TABLE work.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE work.%I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY one_tenant ON work.%I FOR SELECT TO packshot_app'
                   ' USING (tenant_id = (SELECT es.current_tenant()))', name);
    EXECUTE format('CREATE POLICY everybody ON work.%I TO packshot_writer USING (true) WITH CHECK (true)', name);
    EXECUTE format('GRANT SELECT ON work.%I TO packshot_app', name);
    EXECUTE format('GRANT INSERT, DELETE ON work.%I TO packshot_writer', name);
  END LOOP;
END $$;
-- The writer finds a row to change it, and reads no hash of a password.
GRANT SELECT (tenant_id, user_id, email), UPDATE (email, name, password_hash) ON work.person TO packshot_writer;
GRANT SELECT (tenant_id, session_hash, user_id, created_at, seen_at), UPDATE (org_id, seen_at) ON work.session TO packshot_writer;
GRANT SELECT (tenant_id, link_hash, org_id, invite_id) ON work.link TO packshot_writer;

-- Who belongs to an organization, and whom it has invited: right at once.
CREATE TABLE views.membership (
  tenant_id     uuid        NOT NULL,
  membership_id uuid        NOT NULL,
  user_id       uuid        NOT NULL,
  role          text        NOT NULL,
  is_ended      boolean     NOT NULL,
  began_at      timestamptz NOT NULL,
  version       int         NOT NULL,
  PRIMARY KEY (tenant_id, membership_id)
);
CREATE INDEX membership_by_user ON views.membership (user_id) WHERE NOT is_ended;

CREATE TABLE views.invite (
  tenant_id  uuid        NOT NULL,
  invite_id  uuid        NOT NULL,
  role       text        NOT NULL,
  status     text        NOT NULL,
  sent_at    timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  version    int         NOT NULL,
  PRIMARY KEY (tenant_id, invite_id)
);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['membership', 'invite'] LOOP
    EXECUTE format('ALTER TABLE views.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE views.%I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY one_tenant ON views.%I FOR SELECT TO packshot_app'
                   ' USING (tenant_id = (SELECT es.current_tenant()))', name);
    EXECUTE format('CREATE POLICY append ON views.%I TO packshot_writer USING (true) WITH CHECK (true)', name);
    EXECUTE format('GRANT SELECT ON views.%I TO packshot_app', name);
    EXECUTE format('GRANT INSERT ON views.%I TO packshot_writer', name);
  END LOOP;
END $$;
GRANT SELECT (tenant_id, membership_id, role, is_ended, version), UPDATE (role, is_ended, version)
  ON views.membership TO packshot_writer;
GRANT SELECT (tenant_id, invite_id, status, version), UPDATE (status, version) ON views.invite TO packshot_writer;

-- Which organizations a person belongs to, before one of them is chosen.
GRANT SELECT ON views.membership TO packshot_lookup;
CREATE POLICY lookup ON views.membership FOR SELECT TO packshot_lookup USING (true);
CREATE FUNCTION views.find_memberships(wanted_user uuid)
RETURNS TABLE (tenant_id uuid, org_name text, role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT m.tenant_id, o.name, m.role
  FROM views.membership m JOIN views.organization o ON o.tenant_id = m.tenant_id
  WHERE m.user_id = wanted_user AND NOT m.is_ended
  ORDER BY m.began_at, m.tenant_id
$$;
GRANT CREATE ON SCHEMA views TO packshot_lookup;
ALTER FUNCTION views.find_memberships(uuid) OWNER TO packshot_lookup;
REVOKE CREATE ON SCHEMA views FROM packshot_lookup;
REVOKE ALL ON FUNCTION views.find_memberships(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION views.find_memberships(uuid) TO packshot_app;
