-- name: ListRules :many
SELECT id, title, priority FROM rules WHERE id = ANY(sqlc.arg(ids)::int[]);
