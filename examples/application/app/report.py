def mandatory(cursor, order):
    cursor.execute(
        "SELECT id, title FROM rules "
        "WHERE is_mandatory AND title LIKE %(like)s "
        f"ORDER BY {order}",
        {"like": "A%"},
    )
