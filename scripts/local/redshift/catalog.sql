-- What Redshift has in pg_catalog and PostgreSQL has not, as far as a migration, a loader or an operator asks.
-- Runs once, in the template that every namespace's database is made from.

REVOKE CREATE ON SCHEMA public FROM PUBLIC;

CREATE FUNCTION pg_catalog.getdate() RETURNS timestamp STABLE LANGUAGE sql
    AS $$ SELECT date_trunc('second', statement_timestamp() AT TIME ZONE current_setting('TimeZone')) $$;
CREATE FUNCTION pg_catalog.sysdate() RETURNS timestamp STABLE LANGUAGE sql
    AS $$ SELECT transaction_timestamp() AT TIME ZONE current_setting('TimeZone') $$;
CREATE FUNCTION pg_catalog.len(text) RETURNS integer IMMUTABLE STRICT LANGUAGE sql
    AS $$ SELECT char_length($1) $$;
CREATE FUNCTION pg_catalog.sha2(text, integer) RETURNS text IMMUTABLE STRICT LANGUAGE sql
    AS $$ SELECT encode(CASE $2 WHEN 512 THEN sha512($1::bytea) WHEN 384 THEN sha384($1::bytea)
                                WHEN 224 THEN sha224($1::bytea) ELSE sha256($1::bytea) END, 'hex') $$;
CREATE FUNCTION pg_catalog.json_parse(text) RETURNS jsonb IMMUTABLE STRICT LANGUAGE sql AS $$ SELECT $1::jsonb $$;
CREATE FUNCTION pg_catalog.json_serialize(jsonb) RETURNS text IMMUTABLE STRICT LANGUAGE sql AS $$ SELECT $1::text $$;
CREATE FUNCTION pg_catalog.can_json_parse(text) RETURNS boolean IMMUTABLE STRICT LANGUAGE sql
    AS $$ SELECT $1 IS JSON $$;
CREATE FUNCTION pg_catalog.pg_last_copy_count() RETURNS bigint STABLE LANGUAGE sql
    AS $$ SELECT coalesce(nullif(current_setting('redshift.last_copy_count', true), ''), '0')::bigint $$;
CREATE FUNCTION pg_catalog.pg_last_copy_id() RETURNS bigint STABLE LANGUAGE sql
    AS $$ SELECT coalesce(nullif(current_setting('redshift.last_copy_id', true), ''), '-1')::bigint $$;
CREATE OR REPLACE FUNCTION pg_catalog.version() RETURNS text STABLE LANGUAGE sql
    AS $$ SELECT 'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 '
              || '(Red Hat 3.4.2-6.fc3), Redshift 1.0 (local stand-in)' $$;

-- Written by the front on a connection of its own, so that it outlives the rollback of the load it describes.
CREATE SCHEMA redshift_system;
CREATE SEQUENCE redshift_system.query_id START WITH 100001;
CREATE TABLE redshift_system.load_history (
    user_name text, query_id bigint, transaction_id bigint, session_id integer, database_name text,
    table_name text, status text, start_time timestamp, end_time timestamp, duration bigint,
    data_source text, file_format text, loaded_rows bigint, loaded_bytes bigint,
    source_file_count bigint, source_file_bytes bigint, error_count bigint, error_message text
);
CREATE TABLE redshift_system.load_errors (
    user_name text, query_id bigint, transaction_id bigint, session_id integer, database_name text,
    table_id integer, start_time timestamp, file_name text, line_number bigint, column_name text,
    column_type text, column_length text, "position" integer, error_code integer, error_message text,
    raw_field_value text
);

CREATE VIEW pg_catalog.sys_load_history AS
SELECT u.oid::integer AS user_id, h.query_id, h.transaction_id, h.session_id, h.database_name, h.table_name,
       h.status, h.start_time, h.end_time, h.duration, h.data_source, h.file_format, h.loaded_rows, h.loaded_bytes,
       h.source_file_count, h.source_file_bytes, h.source_file_count AS file_count_scanned,
       h.source_file_bytes AS file_bytes_scanned, h.error_count, h.error_message
FROM redshift_system.load_history AS h
LEFT JOIN pg_catalog.pg_roles AS u ON u.rolname = h.user_name
WHERE h.user_name = current_user OR (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user);

CREATE VIEW pg_catalog.sys_load_error_detail AS
SELECT u.oid::integer AS user_id, e.query_id, e.transaction_id, e.session_id, e.database_name, e.table_id,
       e.start_time, e.file_name, e.line_number, e.column_name, e.column_type, e.column_length, e."position",
       e.error_code, e.error_message, e.raw_field_value
FROM redshift_system.load_errors AS e
LEFT JOIN pg_catalog.pg_roles AS u ON u.rolname = e.user_name
WHERE e.user_name = current_user OR (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user);

-- Its readers see their own transactions only, superusers all: pg_stat_activity hides the rest by itself.
CREATE VIEW pg_catalog.svv_transactions WITH (security_invoker = true) AS
SELECT a.usename::text AS txn_owner, a.datname::text AS txn_db,
       coalesce(a.backend_xid, a.backend_xmin)::text::bigint AS xid, a.pid,
       a.xact_start AT TIME ZONE 'UTC' AS txn_start, l.mode AS lock_mode, l.locktype AS lockable_object_type,
       l.relation::integer AS relation, l.granted
FROM pg_catalog.pg_locks AS l
JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
WHERE a.xact_start IS NOT NULL AND a.pid <> pg_backend_pid() AND l.locktype IN ('relation', 'transactionid');

CREATE VIEW pg_catalog.svv_columns WITH (security_invoker = true) AS
SELECT table_catalog, table_schema, table_name, column_name, ordinal_position, column_default, is_nullable,
       CASE data_type WHEN 'jsonb' THEN 'super' ELSE data_type END AS data_type,
       character_maximum_length, numeric_precision, numeric_precision_radix, numeric_scale, datetime_precision,
       NULL::text AS remarks
FROM information_schema.columns;

CREATE VIEW pg_catalog.svv_tables WITH (security_invoker = true) AS
SELECT table_catalog, table_schema, table_name, table_type, NULL::text AS table_acl, NULL::text AS remarks
FROM information_schema.tables;

CREATE VIEW pg_catalog.svv_roles AS
SELECT oid::integer AS role_id, rolname::text AS role_name, 'rdsdb'::text AS role_owner, NULL::text AS external_id
FROM pg_catalog.pg_roles WHERE NOT rolcanlogin AND rolname NOT LIKE 'pg\\_%';

CREATE VIEW pg_catalog.svv_user_grants AS
SELECT u.oid::integer AS user_id, u.rolname::text AS user_name, r.oid::integer AS role_id,
       r.rolname::text AS role_name, m.admin_option
FROM pg_catalog.pg_auth_members AS m
JOIN pg_catalog.pg_roles AS r ON r.oid = m.roleid
JOIN pg_catalog.pg_roles AS u ON u.oid = m.member
WHERE u.rolcanlogin AND NOT r.rolcanlogin;

CREATE VIEW pg_catalog.svv_role_grants AS
SELECT u.oid::integer AS role_id, u.rolname::text AS role_name, r.oid::integer AS granted_role_id,
       r.rolname::text AS granted_role_name
FROM pg_catalog.pg_auth_members AS m
JOIN pg_catalog.pg_roles AS r ON r.oid = m.roleid
JOIN pg_catalog.pg_roles AS u ON u.oid = m.member
WHERE NOT u.rolcanlogin AND NOT r.rolcanlogin;

CREATE VIEW pg_catalog.pg_table_def WITH (security_invoker = true) AS
SELECT n.nspname AS schemaname, c.relname AS tablename, a.attname AS "column",
       CASE WHEN a.atttypid = 'jsonb'::regtype THEN 'super' ELSE format_type(a.atttypid, a.atttypmod) END AS type,
       'none'::text AS encoding, false AS distkey, 0 AS sortkey, a.attnotnull AS "notnull"
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname = ANY (current_schemas(true));

GRANT SELECT ON pg_catalog.sys_load_history, pg_catalog.sys_load_error_detail, pg_catalog.svv_transactions,
    pg_catalog.svv_columns, pg_catalog.svv_tables, pg_catalog.svv_roles, pg_catalog.svv_user_grants,
    pg_catalog.svv_role_grants, pg_catalog.pg_table_def TO PUBLIC;
