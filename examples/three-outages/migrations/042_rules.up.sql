CREATE TABLE paliad.rules (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id      bigint NOT NULL REFERENCES paliad.projects (id),
    legal_source    text,
    is_mandatory    boolean NOT NULL DEFAULT false,
    is_optional     boolean NOT NULL DEFAULT false,
    condition_flag  text
);
