"""Lockgate: a migration-linting static analyzer and deploy gate for PostgreSQL."""

__version__ = "0.1.0"
