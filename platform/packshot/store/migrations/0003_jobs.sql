-- Jobs: a view that is right at once, and the queue that wakes and leases workers.
-- The log is the truth about what happened to a job; the queue only knows who is to do it next.

CREATE TABLE views.job (
  tenant_id  uuid        NOT NULL,
  job_id     uuid        NOT NULL,
  status     text        NOT NULL,
  operation  text        NOT NULL,
  sku        text,
  version    int         NOT NULL,         -- of the newest event that the row knows
  PRIMARY KEY (tenant_id, job_id)
) WITH (fillfactor = 70);
CREATE INDEX job_by_status ON views.job (tenant_id, status, job_id);
CREATE INDEX job_by_sku ON views.job (tenant_id, sku, job_id) WHERE sku IS NOT NULL;

-- Jobs that were recorded before there was a queue. An owner who is no superuser sees the log of all
-- organizations only while it is not forced to one.
ALTER TABLE es.event NO FORCE ROW LEVEL SECURITY;
INSERT INTO views.job (tenant_id, job_id, status, operation, sku, version)
SELECT r.tenant_id, r.stream_id,
       CASE newest.type WHEN 'job.succeeded.v1' THEN 'succeeded' WHEN 'job.started.v1' THEN 'running'
                        ELSE 'requested' END,
       r.data ->> 'operation', r.data ->> 'sku', newest.version
FROM es.event r
JOIN LATERAL (
  SELECT e.type, e.version FROM es.event e
  WHERE e.tenant_id = r.tenant_id AND e.stream_id = r.stream_id ORDER BY e.version DESC LIMIT 1
) newest ON true
WHERE r.type = 'job.requested.v1';
ALTER TABLE es.event FORCE ROW LEVEL SECURITY;

ALTER TABLE views.job ENABLE ROW LEVEL SECURITY;
ALTER TABLE views.job FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON views.job FOR SELECT TO packshot_app USING (tenant_id = (SELECT es.current_tenant()));
CREATE POLICY append ON views.job TO packshot_writer USING (true) WITH CHECK (true);
GRANT SELECT ON views.job TO packshot_app;
GRANT INSERT, SELECT (tenant_id, job_id, status, version), UPDATE (status, version) ON views.job TO packshot_writer;

CREATE SCHEMA IF NOT EXISTS work;
GRANT USAGE ON SCHEMA work TO packshot_app, packshot_writer;

-- A row per job that is not over: put there by the transaction that records job.queued. What an
-- address may hide (a token in a query) stands here and not in the log, and goes with the row.
CREATE TABLE work.job (
  tenant_id       uuid        NOT NULL,
  job_id          uuid        NOT NULL,
  state           text        NOT NULL CHECK (state IN ('scheduled', 'waiting', 'sent', 'leased', 'ended')),
  priority        smallint    NOT NULL,
  due_at          timestamptz NOT NULL,    -- scheduled: when it may be sent
  sent_at         timestamptz,             -- sent: when its id was given to the broker
  lease_token     uuid,                    -- leased: who holds it; what a worker must show to end it
  lease_until     timestamptz,
  ended_at        timestamptz,             -- ended without success: kept for a retry, swept later
  correlation_id  text        NOT NULL,    -- of the request that asked for the job
  input_url       text,
  webhook_url     text,
  PRIMARY KEY (tenant_id, job_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
-- One index for each question that is asked of the whole queue, so its length costs nothing.
CREATE INDEX job_waiting ON work.job (tenant_id, priority DESC, job_id) WHERE state = 'waiting';
CREATE INDEX job_scheduled ON work.job (due_at) WHERE state = 'scheduled';
CREATE INDEX job_sent ON work.job (sent_at) WHERE state = 'sent';
CREATE INDEX job_leased ON work.job (lease_until) WHERE state = 'leased';
CREATE INDEX job_ended ON work.job (ended_at) WHERE state = 'ended';

ALTER TABLE work.job ENABLE ROW LEVEL SECURITY;
ALTER TABLE work.job FORCE ROW LEVEL SECURITY;
-- Relay and workers serve every organization; each statement names the one it is for.
CREATE POLICY everybody ON work.job TO packshot_writer USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON work.job TO packshot_writer;
