"""The application's own SQL, checked against the timeline.

A file becomes passages (strings of source code, or the queries of a .sql file, each with exact places), a passage with
its placeholders resolved becomes something that PostgreSQL's grammar takes (``fit``), and what of that is a query with
a relation that the catalog knows or once knew is resolved by the binder (``resolve``); what is certain of one that is
not known whole, sqlglot's scopes tell (``excerpt``). See ``examine`` for the whole way.
"""
