ALTER TABLE paliad.project_event_choices DROP COLUMN position;
