"""The pipeline that one writes first: the same libraries as they come, no stories, no versions, no rejects.

It is what the bench measures ours against.
"""

from __future__ import annotations

import apache_beam as beam
import frontmatter
import ftfy
import langdetect
from apache_beam.io import WriteToAvro, fileio
from apache_beam.options.pipeline_options import PipelineOptions

SCHEMA = {
    "type": "record",
    "name": "NaiveArticle",
    "fields": [{"name": name, "type": "string"} for name in ("uri", "headline", "date", "language", "body")],
}


def read(file):
    return file.metadata.path, file.read_utf8()


def parse(pair):
    post = frontmatter.loads(pair[1])
    return {"uri": pair[0], "headline": str(post.get("title")), "date": str(post.get("date")), "body": post.content}


def clean(row):
    return {**row, "headline": ftfy.fix_text(row["headline"]), "body": ftfy.fix_text(row["body"])}


def tag(row):
    try:
        return {**row, "language": langdetect.detect(row["body"])}
    except langdetect.LangDetectException:
        return {**row, "language": "und"}


def run(pattern: str, output: str, flags: list[str]) -> None:
    """Reads front-matter files and writes Avro."""
    with beam.Pipeline(options=PipelineOptions(flags)) as p:
        (
            p
            | "Match" >> fileio.MatchFiles(pattern)
            | "Spread" >> beam.Reshuffle()
            | "Open" >> fileio.ReadMatches()
            | "Read" >> beam.Map(read)
            | "Parse" >> beam.Map(parse)
            | "Clean" >> beam.Map(clean)
            | "Tag" >> beam.Map(tag)
            | "Write" >> WriteToAvro(output, SCHEMA, file_name_suffix=".avro")
        )
