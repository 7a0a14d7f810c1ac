"""Rows that satisfy a schema, invented, so that migrations meet tables that are not empty."""
