-- one priority instead of three flags
ALTER TABLE paliad.rules ADD COLUMN priority text NOT NULL DEFAULT 'recommended';

UPDATE paliad.rules SET priority = 'mandatory' WHERE is_mandatory;

ALTER TABLE paliad.rules
    DROP COLUMN is_mandatory,
    DROP COLUMN is_optional,
    DROP COLUMN condition_flag;
