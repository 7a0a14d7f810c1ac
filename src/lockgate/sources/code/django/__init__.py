"""Django: its migrations' operations as the SQL that its schema editor sends to PostgreSQL."""
