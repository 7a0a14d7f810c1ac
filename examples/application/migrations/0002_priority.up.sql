ALTER TABLE rules ADD COLUMN priority int NOT NULL DEFAULT 0;
UPDATE rules SET priority = 10 WHERE is_mandatory;
ALTER TABLE rules DROP COLUMN is_mandatory;
