DROP TABLE paliad.backups;
