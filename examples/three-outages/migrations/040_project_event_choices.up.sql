CREATE TABLE paliad.project_event_choices (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id  bigint NOT NULL REFERENCES paliad.projects (id),
    label       text NOT NULL
);
