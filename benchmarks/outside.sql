-- What stands before a file of the outside corpus (benchmarks/outside.py): tables that its files take for granted.
CREATE TABLE customers (id bigint PRIMARY KEY, company_name varchar(100));
CREATE TABLE users (id bigint PRIMARY KEY, email text, legacy_token text, experiment_bucket text, api_v1_token text, api_v1_secret text, signup_source text);
CREATE TYPE order_status AS ENUM ('pending', 'paid');
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, country_code text, region text, status order_status NOT NULL DEFAULT 'pending', refunded_at timestamptz, created_at timestamptz);
CREATE TABLE invoices (id bigint PRIMARY KEY, subtotal_cents bigint, tax_cents bigint);
CREATE TABLE payments (id int PRIMARY KEY, order_id int);
CREATE INDEX idx_payments_order ON payments (order_id);
CREATE TABLE sessions (id bigint PRIMARY KEY, user_id bigint);
CREATE TABLE session_events (id bigint PRIMARY KEY, session_id bigint REFERENCES sessions);
CREATE TABLE documents (id bigint PRIMARY KEY, updated_at timestamptz, is_deleted boolean);
CREATE TABLE projects (id bigint PRIMARY KEY, name text);
CREATE TABLE country_codes (code text PRIMARY KEY, alpha3 text);
CREATE TABLE tenant_settings (id bigint PRIMARY KEY, notification_channel text);
CREATE TABLE webhook_endpoints (id bigint PRIMARY KEY);
CREATE TABLE schema_migrations (version text PRIMARY KEY, applied_at timestamptz);
CREATE TABLE legacy_sessions (id bigint PRIMARY KEY);
CREATE TABLE legacy_api_keys (id bigint PRIMARY KEY);
CREATE FUNCTION lookup_region(code text) RETURNS text LANGUAGE sql STABLE AS $$ SELECT upper($1) $$;
