"""Routines: what CREATE FUNCTION checks of their bodies, what running them does, and which of them a migration breaks."""

from lockgate.timeline.routines.validate import validate_body

__all__ = ["validate_body"]
