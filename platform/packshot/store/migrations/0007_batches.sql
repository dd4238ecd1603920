-- Batches: jobs that are worked on through their items, each a job of its own that names its batch.

ALTER TABLE views.job ADD COLUMN batch_id uuid;

-- An item is found through its batch; lists of jobs go along jobs that are none.
DROP INDEX views.job_by_status;
DROP INDEX views.job_by_sku;
CREATE INDEX job_listed ON views.job (tenant_id, job_id) WHERE batch_id IS NULL;
CREATE INDEX job_by_status ON views.job (tenant_id, status, job_id) WHERE batch_id IS NULL;
CREATE INDEX job_by_sku ON views.job (tenant_id, sku, job_id) WHERE sku IS NOT NULL AND batch_id IS NULL;
CREATE INDEX job_by_batch ON views.job (tenant_id, batch_id, job_id) WHERE batch_id IS NOT NULL;

-- A row per batch: how many of its items have not ended yet. The transaction that records an item's
-- end counts it here; the one that comes to zero records the end of the batch.
CREATE TABLE work.batch (
  tenant_id       uuid        NOT NULL,
  job_id          uuid        NOT NULL,
  items_left      int         NOT NULL CHECK (items_left >= 0),
  succeeded       int         NOT NULL DEFAULT 0,
  failed          int         NOT NULL DEFAULT 0,
  cancelled       int         NOT NULL DEFAULT 0,
  is_begun        boolean     NOT NULL DEFAULT false, -- an item has been started since it was queued
  correlation_id  text        NOT NULL,
  webhook_url     text,
  ended_at        timestamptz,             -- kept for a retry, swept later
  PRIMARY KEY (tenant_id, job_id),
  CHECK ((items_left = 0) = (ended_at IS NOT NULL))
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX batch_ended ON work.batch (ended_at) WHERE ended_at IS NOT NULL;

ALTER TABLE work.batch ENABLE ROW LEVEL SECURITY;
ALTER TABLE work.batch FORCE ROW LEVEL SECURITY;
-- Workers serve every organization; each statement names the one it is for.
CREATE POLICY everybody ON work.batch TO packshot_writer USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON work.batch TO packshot_writer;
