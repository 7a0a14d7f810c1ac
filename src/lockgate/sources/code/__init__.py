"""Migrations written in code: read as syntax trees, never run, and printed as the SQL that their library sends."""
