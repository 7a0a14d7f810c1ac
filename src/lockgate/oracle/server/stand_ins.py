"""SQL-only stand-ins for extensions that the embedded server lacks, found by PostgreSQL 18 through
``extension_control_path``.

They are enough for migrations to apply (defaults, generated ids, digests); what cannot be stood in for raises 0A000.
Reports name them.
"""

from __future__ import annotations

CONTROL_PATH = "$system:{home}/stand-ins"
MARK = "Lockgate's stand-in"

_UUID_OSSP = """
CREATE FUNCTION uuid_nil() RETURNS uuid IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql RETURN '00000000-0000-0000-0000-000000000000'::uuid;
CREATE FUNCTION uuid_ns_dns() RETURNS uuid IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql RETURN '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid;
CREATE FUNCTION uuid_ns_url() RETURNS uuid IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql RETURN '6ba7b811-9dad-11d1-80b4-00c04fd430c8'::uuid;
CREATE FUNCTION uuid_ns_oid() RETURNS uuid IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql RETURN '6ba7b812-9dad-11d1-80b4-00c04fd430c8'::uuid;
CREATE FUNCTION uuid_ns_x500() RETURNS uuid IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql RETURN '6ba7b814-9dad-11d1-80b4-00c04fd430c8'::uuid;
CREATE FUNCTION uuid_generate_v1() RETURNS uuid VOLATILE STRICT PARALLEL SAFE LANGUAGE sql RETURN pg_catalog.gen_random_uuid();
CREATE FUNCTION uuid_generate_v1mc() RETURNS uuid VOLATILE STRICT PARALLEL SAFE LANGUAGE sql RETURN pg_catalog.gen_random_uuid();
CREATE FUNCTION uuid_generate_v3(namespace uuid, name text) RETURNS uuid IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql
  RETURN pg_catalog.md5(pg_catalog.uuid_send(namespace) || pg_catalog.convert_to(name, 'UTF8'))::uuid;
CREATE FUNCTION uuid_generate_v4() RETURNS uuid VOLATILE STRICT PARALLEL SAFE LANGUAGE sql RETURN pg_catalog.gen_random_uuid();
CREATE FUNCTION uuid_generate_v5(namespace uuid, name text) RETURNS uuid IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql
  RETURN pg_catalog.encode(
    pg_catalog.substr(pg_catalog.sha256(pg_catalog.uuid_send(namespace) || pg_catalog.convert_to(name, 'UTF8')), 1, 16), 'hex')::uuid;
"""

_DIGESTS = """
CREATE FUNCTION gen_random_uuid() RETURNS uuid VOLATILE PARALLEL SAFE LANGUAGE sql RETURN pg_catalog.gen_random_uuid();
CREATE FUNCTION digest(data bytea, kind text) RETURNS bytea IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql
  RETURN CASE pg_catalog.lower(kind) WHEN 'md5' THEN pg_catalog.decode(pg_catalog.md5(data), 'hex') WHEN 'sha224' THEN pg_catalog.sha224(data)
    WHEN 'sha384' THEN pg_catalog.sha384(data) WHEN 'sha512' THEN pg_catalog.sha512(data) ELSE pg_catalog.sha256(data) END;
CREATE FUNCTION digest(data text, kind text) RETURNS bytea IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql
  RETURN CASE pg_catalog.lower(kind) WHEN 'md5' THEN pg_catalog.decode(pg_catalog.md5(data), 'hex')
    WHEN 'sha224' THEN pg_catalog.sha224(pg_catalog.convert_to(data, 'UTF8'))
    WHEN 'sha384' THEN pg_catalog.sha384(pg_catalog.convert_to(data, 'UTF8'))
    WHEN 'sha512' THEN pg_catalog.sha512(pg_catalog.convert_to(data, 'UTF8')) ELSE pg_catalog.sha256(pg_catalog.convert_to(data, 'UTF8')) END;
CREATE FUNCTION gen_random_bytes(count integer) RETURNS bytea VOLATILE STRICT PARALLEL SAFE LANGUAGE sql
  RETURN (SELECT pg_catalog.substr(pg_catalog.string_agg(pg_catalog.uuid_send(pg_catalog.gen_random_uuid()), ''::bytea), 1, count)
          FROM pg_catalog.generate_series(0, count / 16));
"""

# pgcrypto's functions that plain SQL cannot compute: name, arguments, result
_REFUSED: tuple[tuple[str, str, str], ...] = (
    ("hmac", "text, text, text", "bytea"),
    ("hmac", "bytea, bytea, text", "bytea"),
    ("crypt", "text, text", "text"),
    ("gen_salt", "text", "text"),
    ("gen_salt", "text, integer", "text"),
    ("encrypt", "bytea, bytea, text", "bytea"),
    ("decrypt", "bytea, bytea, text", "bytea"),
    ("encrypt_iv", "bytea, bytea, bytea, text", "bytea"),
    ("decrypt_iv", "bytea, bytea, bytea, text", "bytea"),
    ("pgp_sym_encrypt", "text, text", "bytea"),
    ("pgp_sym_encrypt", "text, text, text", "bytea"),
    ("pgp_sym_encrypt_bytea", "bytea, text", "bytea"),
    ("pgp_sym_encrypt_bytea", "bytea, text, text", "bytea"),
    ("pgp_sym_decrypt", "bytea, text", "text"),
    ("pgp_sym_decrypt", "bytea, text, text", "text"),
    ("pgp_sym_decrypt_bytea", "bytea, text", "bytea"),
    ("pgp_sym_decrypt_bytea", "bytea, text, text", "bytea"),
    ("pgp_pub_encrypt", "text, bytea", "bytea"),
    ("pgp_pub_encrypt", "text, bytea, text", "bytea"),
    ("pgp_pub_encrypt_bytea", "bytea, bytea", "bytea"),
    ("pgp_pub_encrypt_bytea", "bytea, bytea, text", "bytea"),
    ("pgp_pub_decrypt", "bytea, bytea", "text"),
    ("pgp_pub_decrypt", "bytea, bytea, text", "text"),
    ("pgp_pub_decrypt", "bytea, bytea, text, text", "text"),
    ("pgp_pub_decrypt_bytea", "bytea, bytea", "bytea"),
    ("pgp_pub_decrypt_bytea", "bytea, bytea, text", "bytea"),
    ("pgp_pub_decrypt_bytea", "bytea, bytea, text, text", "bytea"),
    ("pgp_key_id", "bytea", "text"),
    ("armor", "bytea", "text"),
    ("armor", "bytea, text[], text[]", "text"),
    ("dearmor", "text", "bytea"),
)


def _refusing(name: str, arguments: str, result: str) -> str:
    body = f"BEGIN RAISE EXCEPTION '{name} is a stand-in of Lockgate: this server has no pgcrypto' USING ERRCODE = '0A000'; END"
    return f"CREATE FUNCTION {name}({arguments}) RETURNS {result} VOLATILE STRICT PARALLEL SAFE LANGUAGE plpgsql AS $${body}$$;\n"


def _control(version: str) -> str:
    return f"comment = '{MARK}'\ndefault_version = '{version}'\nrelocatable = true\ntrusted = true\n".replace(
        "Lockgate's", "Lockgate''s"
    )


def extension_files() -> dict[str, str]:
    """The stand-ins as files below a server's home: path -> text."""
    crypto = _DIGESTS + "".join(_refusing(*function) for function in _REFUSED)
    files = {}
    for name, version, script in (("uuid-ossp", "1.1", _UUID_OSSP), ("pgcrypto", "1.4", crypto)):
        files[f"stand-ins/extension/{name}.control"] = _control(version)
        files[f"stand-ins/extension/{name}--{version}.sql"] = script
    return files
