ALTER TABLE paliad.backups DROP COLUMN checksum;
