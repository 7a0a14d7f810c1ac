"""PL/pgSQL's grammar and trees (src/pl/plpgsql/src/pl_gram.y): no catalog is asked."""
