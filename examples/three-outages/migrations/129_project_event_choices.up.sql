CREATE TABLE IF NOT EXISTS paliad.project_event_choices (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id  bigint NOT NULL,
    label       text NOT NULL
);

ALTER TABLE paliad.project_event_choices ADD COLUMN IF NOT EXISTS position integer NOT NULL DEFAULT 0;

CREATE INDEX project_event_choices_position ON paliad.project_event_choices (project_id, position);

COMMENT ON TABLE paliad.project_event_choices IS 'What may happen next in a project';
