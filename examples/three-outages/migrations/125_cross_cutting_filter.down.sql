DROP VIEW paliad.rule_filter;
