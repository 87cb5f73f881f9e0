-- Storywire into Snowflake. NOT RUN HERE: written from Snowflake's documentation. The contract is in README.md.
--
-- COPY INTO takes the files that the manifest names in FILES = (...), never a pattern; at most 1,000 names a statement.
-- Its own memory of loaded files (64 days, by name and hash) is not enough: a partition that is run again has files of
-- other names, and those of before must go. So a partition is copied into a stage table and replaced in a transaction.
-- Times are taken from the *_utc texts: Snowflake guesses the unit of timestamp-micros.

CREATE STAGE IF NOT EXISTS wire URL = 's3://BUCKET/out/' FILE_FORMAT = (TYPE = AVRO);
CREATE TABLE IF NOT EXISTS partitions_loaded (as_of TIMESTAMP_TZ, sha256 STRING);
CREATE TABLE IF NOT EXISTS articles_rows (
  as_of TIMESTAMP_TZ, article_id STRING, version_key STRING, row_kind STRING, version INTEGER, is_latest BOOLEAN,
  story_id STRING, pub_status STRING, language STRING, event_time TIMESTAMP_TZ, provider STRING, headline STRING,
  body STRING, subjects ARRAY, record VARIANT);
CREATE TABLE IF NOT EXISTS stories_rows (
  as_of TIMESTAMP_TZ, story_id STRING, language STRING, headline STRING, key_terms ARRAY, first_time TIMESTAMP_TZ,
  last_time TIMESTAMP_TZ, articles INTEGER, usable_articles INTEGER, merged_into STRING);

CREATE OR REPLACE TEMPORARY TABLE articles_stage LIKE articles_rows;
CREATE OR REPLACE TEMPORARY TABLE stories_stage LIKE stories_rows;
-- The columns that queries name often; `record` keeps all others, as record:slugline and the like.
COPY INTO articles_stage FROM (
  SELECT TO_TIMESTAMP_TZ('2026-03-13T00:00:00Z'), $1:article_id::STRING, $1:version_key::STRING, $1:row_kind::STRING,
    $1:version::INTEGER, $1:is_latest::BOOLEAN, $1:story_id::STRING, $1:pub_status::STRING, $1:language::STRING,
    TO_TIMESTAMP_TZ($1:event_time_utc::STRING), $1:provider::STRING, $1:headline::STRING, $1:body::STRING,
    $1:subjects::ARRAY, $1
  FROM @wire/articles/as_of=20260313T000000Z/) FILES = ('part-00000-1c0ffee5.avro') FORCE = TRUE ON_ERROR = ABORT_STATEMENT;
COPY INTO stories_stage FROM (
  SELECT TO_TIMESTAMP_TZ('2026-03-13T00:00:00Z'), $1:story_id::STRING, $1:language::STRING, $1:headline::STRING,
    $1:key_terms::ARRAY, TO_TIMESTAMP_TZ($1:first_time_utc::STRING), TO_TIMESTAMP_TZ($1:last_time_utc::STRING),
    $1:articles::INTEGER, $1:usable_articles::INTEGER, $1:merged_into::STRING
  FROM @wire/stories/as_of=20260313T000000Z/) FILES = ('part-00000-5ca1ab1e.avro') FORCE = TRUE ON_ERROR = ABORT_STATEMENT;

BEGIN;
DELETE FROM articles_rows WHERE as_of = '2026-03-13T00:00:00Z';
INSERT INTO articles_rows SELECT * FROM articles_stage;
DELETE FROM stories_rows WHERE as_of = '2026-03-13T00:00:00Z';
INSERT INTO stories_rows SELECT * FROM stories_stage;
DELETE FROM partitions_loaded WHERE as_of = '2026-03-13T00:00:00Z';
INSERT INTO partitions_loaded VALUES ('2026-03-13T00:00:00Z', 'SHA256 OF THE MANIFEST');
COMMIT;

CREATE OR REPLACE VIEW stories_current AS
WITH RECURSIVE newest AS (
  SELECT * FROM stories_rows QUALIFY ROW_NUMBER() OVER (PARTITION BY story_id ORDER BY as_of DESC) = 1
), way (story_id, passed, steps) AS (
  SELECT story_id, merged_into, 1 FROM newest WHERE merged_into IS NOT NULL
  UNION ALL
  SELECT way.story_id, newest.merged_into, way.steps + 1 FROM way JOIN newest ON newest.story_id = way.passed
  WHERE newest.merged_into IS NOT NULL AND way.steps < 100
), ends AS (
  SELECT way.story_id, way.passed FROM way LEFT JOIN newest ON newest.story_id = way.passed
  WHERE newest.merged_into IS NULL
)
SELECT newest.*, COALESCE(ends.passed, newest.story_id) AS current_story_id
FROM newest LEFT JOIN ends ON ends.story_id = newest.story_id;

CREATE OR REPLACE VIEW articles_current AS
WITH decided AS (
  SELECT article_id, version_key, MAX(IFF(row_kind = 'version', as_of, NULL)) AS text_as_of,
    MAX_BY(OBJECT_CONSTRUCT('version', version, 'is_latest', is_latest, 'story_id', story_id, 'pub_status', pub_status,
      'language', language), as_of) AS d
  FROM articles_rows GROUP BY article_id, version_key
)
SELECT v.as_of, v.article_id, v.version_key, d:version::INTEGER AS version, d:is_latest::BOOLEAN AS is_latest,
  d:story_id::STRING AS story_id, d:pub_status::STRING AS pub_status, d:language::STRING AS language, v.event_time,
  v.provider, v.headline, v.body, v.subjects, v.record,
  COALESCE(s.current_story_id, d:story_id::STRING) AS current_story_id
FROM articles_rows AS v
JOIN decided ON decided.article_id = v.article_id AND decided.version_key = v.version_key
  AND decided.text_as_of = v.as_of
LEFT JOIN stories_current AS s ON s.story_id = d:story_id::STRING;
