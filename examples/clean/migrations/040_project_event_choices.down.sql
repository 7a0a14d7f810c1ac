DROP TABLE paliad.project_event_choices;
