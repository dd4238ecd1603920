-- What a key may do today: who answers for it and in what role, its team, from which networks and how
-- often it may be used; and when its holders are next to be told of its end.

ALTER TABLE views.api_key
  ADD COLUMN responsible_id uuid,                           -- the person; null: nobody, it is the organization's own
  ADD COLUMN team_id        uuid,                           -- null: of the whole organization
  ADD COLUMN allowed_cidrs  text[] NOT NULL DEFAULT '{}',   -- empty: from everywhere
  ADD COLUMN rate_limit     int,                            -- requests in rate_window_s; null: no limit of its own
  ADD COLUMN rate_window_s  int,
  ADD COLUMN next_notice_at timestamptz;                    -- 14 and 3 days before its end, and its end

-- Keys of before learn who made them: a person, or, by way of the keys in between, the maker of the
-- first of them. Ids stand there as their public texts (domain/ids.py).
CREATE FUNCTION pg_temp.uuid_of(public_id text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  WITH digit AS (
    SELECT n, (strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(public_id, n + 4, 1)) - 1)::bit(5)::text AS bits
    FROM generate_series(1, 26) AS n
  ), whole AS (
    SELECT right(string_agg(bits, '' ORDER BY n), 128) AS bits FROM digit
  )
  SELECT string_agg(to_hex(substr(bits, 4 * n + 1, 4)::bit(4)::int), '' ORDER BY n)::uuid
  FROM whole, generate_series(0, 31) AS n
  WHERE public_id ~ '^(usr|key)_[0-7][0-9a-hjkmnp-tv-z]{25}$'
$$;
ALTER TABLE views.api_key NO FORCE ROW LEVEL SECURITY;
WITH RECURSIVE made AS (
  SELECT k.tenant_id, k.key_id, pg_temp.uuid_of(k.created_by_id) AS person
  FROM views.api_key k WHERE k.created_by_type = 'user'
  UNION ALL
  SELECT k.tenant_id, k.key_id, made.person
  FROM views.api_key k
  JOIN made ON made.tenant_id = k.tenant_id AND made.key_id = pg_temp.uuid_of(k.created_by_id)
  WHERE k.created_by_type = 'key'
)
UPDATE views.api_key k SET responsible_id = made.person
FROM made WHERE made.tenant_id = k.tenant_id AND made.key_id = k.key_id;
-- Hours, not days: a day of a time zone may have 23 of them.
UPDATE views.api_key k
SET next_notice_at = (SELECT min(n.at) FROM (VALUES (k.expires_at - interval '336 hours'),
                                                    (k.expires_at - interval '72 hours'), (k.expires_at)) AS n(at)
                      WHERE n.at > k.created_at)
WHERE k.expires_at IS NOT NULL AND k.revoked_at IS NULL;
ALTER TABLE views.api_key FORCE ROW LEVEL SECURITY;
DROP FUNCTION pg_temp.uuid_of(text);

CREATE INDEX api_key_next_notice ON views.api_key (next_notice_at) WHERE next_notice_at IS NOT NULL;
GRANT UPDATE (scopes, expires_at, responsible_id, allowed_cidrs, rate_limit, rate_window_s, next_notice_at)
  ON views.api_key TO packshot_writer;

-- A key is found together with the role that stands behind it today: a changed role is known wherever
-- the key is asked about next. responsible_role is null for a person who is no member any more.
DROP FUNCTION views.find_key(text);
CREATE FUNCTION views.find_key(wanted_kid text)
RETURNS TABLE (tenant_id uuid, org_name text, key_id uuid, mac bytea, pepper_id int, name text,
               environment text, scopes text[], created_at timestamptz, expires_at timestamptz,
               revoked_at timestamptz, secret_until timestamptz, responsible_id uuid,
               responsible_role text, team_id uuid, allowed_cidrs text[], rate_limit int,
               rate_window_s int)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT k.tenant_id, o.name, k.key_id, s.mac, s.pepper_id, k.name, k.environment, k.scopes,
         k.created_at, k.expires_at, k.revoked_at,
         (SELECT min(newer.former_until) FROM views.api_key_secret newer
          WHERE newer.tenant_id = s.tenant_id AND newer.key_id = s.key_id AND newer.version > s.version),
         k.responsible_id, m.role, k.team_id, k.allowed_cidrs, k.rate_limit, k.rate_window_s
  FROM views.api_key_secret s
  JOIN views.api_key k ON k.tenant_id = s.tenant_id AND k.key_id = s.key_id
  JOIN views.organization o ON o.tenant_id = s.tenant_id
  LEFT JOIN views.membership m ON m.tenant_id = k.tenant_id AND m.user_id = k.responsible_id AND NOT m.is_ended
  WHERE s.kid = wanted_kid
$$;
GRANT CREATE ON SCHEMA views TO packshot_lookup;
ALTER FUNCTION views.find_key(text) OWNER TO packshot_lookup;
REVOKE CREATE ON SCHEMA views FROM packshot_lookup;
REVOKE ALL ON FUNCTION views.find_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION views.find_key(text) TO packshot_app;
