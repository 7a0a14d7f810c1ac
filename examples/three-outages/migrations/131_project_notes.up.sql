CREATE TABLE paliad.project_notes (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id  bigint NOT NULL,
    body        text NOT NULL
);
