"""Alembic: its operations and SQLAlchemy's schema objects as the SQL that they send to PostgreSQL."""
