-- Jobs of one lane are done one after the other: a lane is held by whoever has leased a job of it.

ALTER TABLE work.job ADD COLUMN lane text;
CREATE UNIQUE INDEX job_lane ON work.job (tenant_id, lane) WHERE state = 'leased' AND lane IS NOT NULL;
