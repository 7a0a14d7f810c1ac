DROP TABLE paliad.project_notes;
