DROP INDEX paliad.backups_taken_at;
COMMENT ON TABLE paliad.backups IS NULL;
ALTER TABLE paliad.backups DROP COLUMN checksum;
