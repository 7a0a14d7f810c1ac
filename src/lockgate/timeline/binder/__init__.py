"""The binder: every reference in a statement, resolved as PostgreSQL resolves it (parse_*.c).

The functions exported here are what transitions and routines call; all refuse (``Refused``) where PostgreSQL refuses.
"""
