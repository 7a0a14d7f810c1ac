CREATE VIEW paliad.rule_filter AS
SELECT r.id,
       r.legal_source,
       r.is_mandatory
FROM paliad.rules AS r;

UPDATE paliad.rules
SET legal_source = 'unknown'
WHERE is_optional AND legal_source IS NULL;

CREATE INDEX rules_condition_flag ON paliad.rules (condition_flag);
