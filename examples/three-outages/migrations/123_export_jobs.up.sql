CREATE TABLE paliad.export_jobs (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id  bigint NOT NULL,
    state       text NOT NULL DEFAULT 'queued'
);
