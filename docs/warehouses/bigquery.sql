-- Storywire into BigQuery. NOT RUN HERE: written from Google's documentation. The contract is in README.md.
--
-- Avro goes in by a load job, which is free, and atomic a table. Load each partition into stage tables, then replace the
-- partition of the day's rows in one transaction. Give --job_id a name made from the partition and its manifest's hash:
-- BigQuery refuses a job id twice, so a load that is tried again does nothing the second time.
--
--   python - OUT as_of=20260313T000000Z <<'PY'          # the files that the manifest names, never a pattern
--   import json, sys
--   output, partition = sys.argv[1:]
--   made = json.load(open(f"{output}/manifests/{partition}.json"))
--   print(",".join(f"gs://BUCKET/{file['name']}" for file in made["data_sets"]["articles"]["files"]))
--   PY
--   bq load --source_format=AVRO --use_avro_logical_types=true --replace \
--       --job_id=storywire_articles_20260313T000000Z_MANIFESTHASH news.articles_stage GS_URIS
--
-- --use_avro_logical_types: without it times are INT64. A folder key must not be a column too (BigQuery refuses it):
-- that is why the files have as_of_day and no as_of. In one load job over files of two schemas the alphabetically last
-- file's schema wins, so a job takes the files of one partition only: those have one schema.

CREATE TABLE IF NOT EXISTS news.partitions_loaded (as_of TIMESTAMP, sha256 STRING);
CREATE TABLE IF NOT EXISTS news.articles_rows
PARTITION BY DATE(as_of) AS SELECT TIMESTAMP '2000-01-01' AS as_of, * FROM news.articles_stage WHERE FALSE;
CREATE TABLE IF NOT EXISTS news.stories_rows
PARTITION BY DATE(as_of) AS SELECT TIMESTAMP '2000-01-01' AS as_of, * FROM news.stories_stage WHERE FALSE;

-- A partition, replaced as a whole: its rows, and with them what its state rows said.
BEGIN TRANSACTION;
DELETE FROM news.articles_rows WHERE as_of = TIMESTAMP '2026-03-13 00:00:00+00';
INSERT INTO news.articles_rows SELECT TIMESTAMP '2026-03-13 00:00:00+00', * FROM news.articles_stage;
DELETE FROM news.stories_rows WHERE as_of = TIMESTAMP '2026-03-13 00:00:00+00';
INSERT INTO news.stories_rows SELECT TIMESTAMP '2026-03-13 00:00:00+00', * FROM news.stories_stage;
DELETE FROM news.partitions_loaded WHERE as_of = TIMESTAMP '2026-03-13 00:00:00+00';
INSERT INTO news.partitions_loaded VALUES (TIMESTAMP '2026-03-13 00:00:00+00', 'SHA256 OF THE MANIFEST');
COMMIT TRANSACTION;

CREATE OR REPLACE VIEW news.stories_current AS
WITH RECURSIVE newest AS (
  SELECT * FROM news.stories_rows QUALIFY ROW_NUMBER() OVER (PARTITION BY story_id ORDER BY as_of DESC) = 1
), way AS (
  SELECT story_id, merged_into AS passed, 1 AS steps FROM newest WHERE merged_into IS NOT NULL
  UNION ALL
  SELECT way.story_id, newest.merged_into, way.steps + 1 FROM way JOIN newest ON newest.story_id = way.passed
  WHERE newest.merged_into IS NOT NULL AND way.steps < 100
), ends AS (
  SELECT way.story_id, way.passed FROM way LEFT JOIN newest ON newest.story_id = way.passed
  WHERE newest.merged_into IS NULL
)
SELECT newest.*, COALESCE(ends.passed, newest.story_id) AS current_story_id FROM newest LEFT JOIN ends USING (story_id);

CREATE OR REPLACE VIEW news.articles_current AS
WITH decided AS (
  SELECT article_id, version_key, MAX(IF(row_kind = 'version', as_of, NULL)) AS as_of,
    ARRAY_AGG(STRUCT(version, is_latest, story_id, pub_status, language) ORDER BY as_of DESC LIMIT 1)[OFFSET(0)] AS d
  FROM news.articles_rows GROUP BY article_id, version_key
)
SELECT v.* REPLACE (d.version AS version, d.is_latest AS is_latest, d.story_id AS story_id, d.pub_status AS pub_status,
    d.language AS language), COALESCE(s.current_story_id, d.story_id) AS current_story_id
FROM news.articles_rows AS v JOIN decided USING (article_id, version_key, as_of)
LEFT JOIN news.stories_current AS s ON s.story_id = d.story_id;
