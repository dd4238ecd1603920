-- Webhook deliveries: put there by the transaction that records a job's end, so that an end without
-- its delivery cannot exist. The address stands here and not in the log: it may hide a token.

CREATE TABLE work.delivery (
  tenant_id    uuid        NOT NULL,
  delivery_id  uuid        NOT NULL,
  job_id       uuid        NOT NULL,
  version      int         NOT NULL,        -- of the job: what is told is the job as it was then
  event_id     uuid        NOT NULL,        -- the receiver's webhook-id, the same in every try
  type         text        NOT NULL,        -- the public type, such as job.succeeded
  log_position bigint      NOT NULL,
  occurred_at  timestamptz NOT NULL,
  url          text        NOT NULL,
  receiver     text        NOT NULL,        -- scheme, host and port: what is not called too much at once
  state        text        NOT NULL
               CHECK (state IN ('scheduled', 'waiting', 'sending', 'delivered', 'exhausted', 'gone')),
  attempt      smallint    NOT NULL DEFAULT 0, -- tries begun
  due_at       timestamptz NOT NULL,        -- of the next try
  lease_token  uuid,                        -- sending: who does; what it must show to tell how it went
  lease_until  timestamptz,
  attempts     jsonb       NOT NULL DEFAULT '[]', -- {at, httpStatus, durationMs, error} of each try that ended
  ended_at     timestamptz,                 -- delivered, exhausted, gone: kept a while, swept later
  PRIMARY KEY (tenant_id, delivery_id),
  CHECK ((state = 'sending') = (lease_token IS NOT NULL)),
  CHECK ((state = 'sending') = (lease_until IS NOT NULL)),
  CHECK ((state IN ('delivered', 'exhausted', 'gone')) = (ended_at IS NOT NULL))
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
-- One index for each question that is asked of all deliveries, so their number costs nothing.
CREATE INDEX delivery_waiting ON work.delivery (receiver, tenant_id, due_at) WHERE state = 'waiting';
CREATE INDEX delivery_scheduled ON work.delivery (due_at) WHERE state = 'scheduled';
CREATE INDEX delivery_sending ON work.delivery (lease_until) WHERE state = 'sending';
CREATE INDEX delivery_ended ON work.delivery (ended_at) WHERE ended_at IS NOT NULL;

ALTER TABLE work.delivery ENABLE ROW LEVEL SECURITY;
ALTER TABLE work.delivery FORCE ROW LEVEL SECURITY;
-- A sender serves every organization; each statement names the one it is for.
CREATE POLICY everybody ON work.delivery TO packshot_writer USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON work.delivery TO packshot_writer;
