-- What long streams have come to, so that loading one does not begin with its first event. A row may be
-- deleted at any time: the events are the truth, and the next load writes it again.

CREATE TABLE es.snapshot (
  tenant_id uuid        NOT NULL,
  stream_id uuid        NOT NULL,
  version   int         NOT NULL CHECK (version > 0), -- of the newest event in it
  event_id  uuid        NOT NULL,                     -- that event: in another log it counts for nothing
  fold      text        NOT NULL,                     -- the code that folded it; other code ignores it
  state     json        NOT NULL,
  mac       bytea       NOT NULL,                     -- HMAC-SHA-256 over all of the above
  taken_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, stream_id)
) WITH (fillfactor = 70);

ALTER TABLE es.snapshot ENABLE ROW LEVEL SECURITY;
ALTER TABLE es.snapshot FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON es.snapshot FOR SELECT TO packshot_app USING (tenant_id = (SELECT es.current_tenant()));
CREATE POLICY everybody ON es.snapshot TO packshot_writer USING (true) WITH CHECK (true);
GRANT SELECT ON es.snapshot TO packshot_app;
-- The writer compares what it would replace, and reads no state.
GRANT INSERT, SELECT (tenant_id, stream_id, version, fold),
      UPDATE (version, event_id, fold, state, mac, taken_at) ON es.snapshot TO packshot_writer;
