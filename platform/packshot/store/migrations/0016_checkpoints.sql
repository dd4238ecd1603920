-- Signed notes of how far a log had come and to which hash: made while it grows, kept elsewhere too.

CREATE TABLE es.checkpoint (
  tenant_id  uuid        NOT NULL,
  position   bigint      NOT NULL,
  hash       bytea       NOT NULL,  -- the chain's tip there
  at         timestamptz NOT NULL,
  note       text        NOT NULL,  -- C2SP tlog-checkpoint, signed with the installation's key
  written_at timestamptz,           -- when it stood in the file of its organization
  posted_at  timestamptz,           -- when PACKSHOT_CHECKPOINT_URL took it
  PRIMARY KEY (tenant_id, position)
);
CREATE INDEX checkpoint_unwritten ON es.checkpoint (tenant_id, position) WHERE written_at IS NULL;
CREATE INDEX checkpoint_unposted ON es.checkpoint (at, tenant_id, position) WHERE posted_at IS NULL;
CREATE TRIGGER checkpoint_stays BEFORE DELETE ON es.checkpoint
  FOR EACH ROW EXECUTE FUNCTION es.refuse_change();
CREATE TRIGGER checkpoints_stay BEFORE TRUNCATE ON es.checkpoint
  FOR EACH STATEMENT EXECUTE FUNCTION es.refuse_change();

ALTER TABLE es.checkpoint ENABLE ROW LEVEL SECURITY;
ALTER TABLE es.checkpoint FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON es.checkpoint FOR SELECT TO packshot_app USING (tenant_id = (SELECT es.current_tenant()));
CREATE POLICY follow ON es.checkpoint TO packshot_projector USING (true) WITH CHECK (true);
GRANT SELECT ON es.checkpoint TO packshot_app;
-- What was signed is never changed, only where it has been told.
GRANT SELECT, INSERT, UPDATE (written_at, posted_at) ON es.checkpoint TO packshot_projector;
