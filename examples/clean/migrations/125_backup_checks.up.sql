ALTER TABLE paliad.backups ADD COLUMN checksum text;

CREATE INDEX backups_taken_at ON paliad.backups (taken_at DESC);

COMMENT ON TABLE paliad.backups IS 'Where each backup went';
