CREATE VIEW paliad.rule_filter AS
SELECT r.id, r.legal_source, r.priority
FROM paliad.rules AS r;

UPDATE paliad.rules
SET legal_source = 'unknown'
WHERE priority = 'optional' AND legal_source IS NULL;
