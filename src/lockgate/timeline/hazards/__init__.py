"""What each statement locks and does: effects, worked out as the replay goes (see ``watch.py`` for how)."""
