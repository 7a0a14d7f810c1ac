DROP TABLE paliad.export_jobs;
