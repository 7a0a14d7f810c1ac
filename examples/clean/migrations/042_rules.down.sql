DROP TABLE paliad.rules;
