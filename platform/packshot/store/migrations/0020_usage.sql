-- What an organization has used: counted by a projector behind the appends, from the log alone.

CREATE TABLE views.usage (
  tenant_id    uuid   NOT NULL,
  day          date   NOT NULL,             -- in UTC
  actor_type   text   NOT NULL,             -- who asked: key, user or system
  actor_id     text   NOT NULL,
  operation    text   NOT NULL,             -- process, upscale, …, publish, rollback
  endpoint     text   NOT NULL,             -- the path it was asked for at, 'pages' or 'system'
  jobs         bigint NOT NULL,             -- pictures asked for; each item of a batch is one
  outputs      bigint NOT NULL,             -- pictures made
  cached       bigint NOT NULL,             -- pictures that had been made before
  failed       bigint NOT NULL,             -- jobs and publishes that ended without success
  output_bytes bigint NOT NULL,             -- of the pictures made
  publishes    bigint NOT NULL,             -- publishes asked for
  published    bigint NOT NULL,             -- publishes that a listing shows
  CONSTRAINT usage_pkey PRIMARY KEY (tenant_id, day, actor_type, actor_id, operation, endpoint)
) WITH (fillfactor = 70);
SELECT views.guard_following('views.usage');
