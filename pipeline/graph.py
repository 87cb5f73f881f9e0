"""The whole graph on one screen, in the order in which an article goes.

Bodies travel once, to the shard that writes them; slips decide. Nothing here asks which runner it is.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import apache_beam as beam

from pipeline import inputs
from pipeline.ledger import Chain
from pipeline.options import Config
from pipeline.sinks import (
    DraftManifest,
    EncodeLedger,
    EncodeRejects,
    EncodeStories,
    MergeLedger,
    WriteArticles,
    WriteRows,
)
from pipeline.sources import ReadInput
from transforms.parse import Settings
from transforms.steps import Clean, KeyByStory, Parse, Part, SettleVersions, TagLanguage


def build(
    p: beam.Pipeline, config: Config, parts: list[inputs.Part], chain: Chain, draft: str, progress: str = ""
) -> Any:
    """Puts the run over `parts` of its input, going on from `chain`, into the pipeline `p`.

    It ends with the manifest's draft, a file. `progress` names a local folder to note progress in, or nothing. Gives
    the PCollection of the draft's path.
    """
    read = p | "Read" >> ReadInput(parts, config, progress)
    settings = Settings(ZoneInfo(config.source_timezone))
    parsed = read.items | "Parse" >> Parse(settings, config.as_of if config.hold_embargoed else None)
    cleaned = parsed.articles | "Clean" >> Clean(config.rules)
    tagged = cleaned.articles | "TagLanguage" >> TagLanguage()
    parted = tagged.articles | "Part" >> Part(config.as_of)

    settled = parted.slips | "SettleVersions" >> SettleVersions(chain.earlier)
    keyed = settled | "KeyByStory" >> KeyByStory(chain.earlier, config.followed, chain.whole)

    rows = {"rows": parted.rows, "sizes": parted.sizes, "decisions": keyed.decisions}
    articles = rows | "WriteArticles" >> WriteArticles(config)
    stories = keyed.stories | "EncodeStories" >> EncodeStories(config)
    failures = (read, parsed, cleaned, tagged, parted, articles)
    rejects = (
        tuple(step.rejects for step in failures)
        | "Rejects" >> beam.Flatten()
        | "EncodeRejects" >> EncodeRejects(config)
    )
    ledger = (keyed.ledger, parsed.held) | "Entries" >> beam.Flatten() | "EncodeLedger" >> EncodeLedger()
    encoded = (stories, rejects, ledger)
    others = {
        "rows": tuple(step.rows for step in encoded) | "Rows" >> beam.Flatten(),
        "sizes": tuple(step.sizes for step in encoded) | "Sizes" >> beam.Flatten(),
    } | "WriteRows" >> WriteRows(config)

    files = [articles.files, others]
    if chain.merged:
        files.append(p | "MergeLedger" >> MergeLedger(config, chain.merged))
    written = files | "Files" >> beam.Flatten()
    counting = (read, parsed, parted, articles, stories, rejects)
    counts = tuple(step.counts for step in counting) | "Counts" >> beam.Flatten()
    return (written, counts) | "Manifest" >> DraftManifest(config, parts, chain, draft)
