-- Answers kept for repeats of the same request: one row per Idempotency-Key, written by the
-- transaction that makes the request's effect true. An effect without its answer cannot exist.

CREATE SCHEMA IF NOT EXISTS work;
GRANT USAGE ON SCHEMA work TO packshot_app, packshot_writer;

CREATE TABLE work.idempotency (
  tenant_id    uuid        NOT NULL,
  method       text        NOT NULL,
  path         text        NOT NULL,      -- the declared one with its parameters filled in
  key          text        NOT NULL,
  fingerprint  json        NOT NULL,      -- what was sent: field or file → hash
  token        uuid        NOT NULL,      -- of the request that runs; what it must show to answer
  locked_until timestamptz NOT NULL,      -- after this another may take over, or read the answer
  expires_at   timestamptz NOT NULL,
  status       smallint,                  -- of the answer; null while the request runs
  headers      json,
  body         bytea,                     -- null: the answer is a file
  file         json,                      -- where a file lies and what it is, never its bytes
  position     bigint,                    -- of the log's head that the answer told
  tip          bytea,
  PRIMARY KEY (tenant_id, method, path, key)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX idempotency_by_expiry ON work.idempotency (expires_at);

ALTER TABLE work.idempotency ENABLE ROW LEVEL SECURITY;
ALTER TABLE work.idempotency FORCE ROW LEVEL SECURITY;
-- An answer is read as any payload is: by the role that sees one organization at a time.
CREATE POLICY one_tenant ON work.idempotency FOR SELECT TO packshot_app USING (tenant_id = (SELECT es.current_tenant()));
CREATE POLICY everybody ON work.idempotency TO packshot_writer USING (true) WITH CHECK (true);
GRANT SELECT ON work.idempotency TO packshot_app;
GRANT INSERT, DELETE, SELECT (tenant_id, method, path, key, token, locked_until, expires_at, status),
      UPDATE (fingerprint, token, locked_until, expires_at, status, headers, body, file, position, tip)
  ON work.idempotency TO packshot_writer;
