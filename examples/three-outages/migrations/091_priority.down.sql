ALTER TABLE paliad.rules
    ADD COLUMN is_mandatory boolean NOT NULL DEFAULT false,
    ADD COLUMN is_optional boolean NOT NULL DEFAULT false,
    ADD COLUMN condition_flag text,
    DROP COLUMN priority;
