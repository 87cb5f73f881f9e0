-- Storywire into Amazon Redshift. NOT RUN HERE: written from Amazon's documentation. The contract is in README.md.
--
-- COPY takes a manifest of its own, a JSON list of files, which is made from ours: so only what that names is read.
--
--   python - OUT as_of=20260313T000000Z articles > copy.json <<'PY'
--   import json, sys
--   output, partition, name = sys.argv[1:]
--   files = json.load(open(f"{output}/manifests/{partition}.json"))["data_sets"][name]["files"]
--   entries = [{"url": f"s3://BUCKET/out/{file['name']}", "mandatory": True} for file in files]
--   json.dump({"entries": entries}, sys.stdout)
--   PY
--
-- 'auto' matches columns by name. A row of Redshift ends at 4 MB, which is why no row of ours is over 3.5 MB. Texts are
-- VARCHAR(65535) at most, in bytes: a longer body is cut by TRUNCATECOLUMNS, so what must be whole goes into SUPER
-- (16 MB). Lists come as SUPER; times as the BIGINT of microseconds, so take the *_utc texts.

CREATE TABLE IF NOT EXISTS partitions_loaded (as_of TIMESTAMPTZ, sha256 CHAR(64));
CREATE TABLE IF NOT EXISTS articles_stage (
  article_id CHAR(32), version_key CHAR(32), row_kind VARCHAR(16), version BIGINT, is_latest BOOLEAN, story_id CHAR(32),
  pub_status VARCHAR(16), language VARCHAR(32), event_time_utc VARCHAR(32), provider VARCHAR(1000),
  headline VARCHAR(4000), body VARCHAR(65535), subjects SUPER, keywords SUPER);
CREATE TABLE IF NOT EXISTS articles_rows (as_of TIMESTAMPTZ, event_time TIMESTAMPTZ, LIKE articles_stage)
DISTKEY (article_id) SORTKEY (as_of);

TRUNCATE articles_stage;
COPY articles_stage FROM 's3://BUCKET/loads/copy.json' IAM_ROLE default MANIFEST FORMAT AS AVRO 'auto' TRUNCATECOLUMNS;

BEGIN;
DELETE FROM articles_rows WHERE as_of = '2026-03-13 00:00:00+00';
INSERT INTO articles_rows SELECT '2026-03-13 00:00:00+00', event_time_utc::TIMESTAMPTZ, * FROM articles_stage;
DELETE FROM partitions_loaded WHERE as_of = '2026-03-13 00:00:00+00';
INSERT INTO partitions_loaded VALUES ('2026-03-13 00:00:00+00', 'SHA256 OF THE MANIFEST');
COMMIT;

-- stories_rows likewise; merges are followed as in snowflake.sql (Redshift has WITH RECURSIVE too).
CREATE OR REPLACE VIEW articles_current AS
WITH ranked AS (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY article_id, version_key ORDER BY as_of DESC) AS newest,
    ROW_NUMBER() OVER (PARTITION BY article_id, version_key, row_kind ORDER BY as_of DESC) AS newest_of_kind
  FROM articles_rows
)
SELECT text.as_of, text.article_id, text.version_key, state.version, state.is_latest, state.story_id, state.pub_status,
  state.language, text.event_time, text.provider, text.headline, text.body, text.subjects, text.keywords
FROM ranked AS text JOIN ranked AS state ON state.article_id = text.article_id AND state.version_key = text.version_key
WHERE text.row_kind = 'version' AND text.newest_of_kind = 1 AND state.newest = 1;
