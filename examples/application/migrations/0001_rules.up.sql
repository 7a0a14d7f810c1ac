CREATE TABLE rules (id int PRIMARY KEY, title text NOT NULL, is_mandatory boolean NOT NULL DEFAULT false);
