"""Routines: what CREATE FUNCTION checks of their bodies, what running them does, and which of them a migration
breaks."""
