"""The whole graph on one screen, in the order in which an article goes.

Bodies travel once, to the shard that writes them; slips decide. Nothing here asks which runner it is.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import apache_beam as beam

from pipeline import inputs
from pipeline.ledger import Chain, ReadLedger
from pipeline.options import Config
from pipeline.sinks import DraftManifest, WriteArticles, WriteLedger, WriteRejects, WriteStories
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

    known = p | "Ledger" >> ReadLedger(chain.files)
    settled = {"slips": parted.slips, "ledger": known.articles} | "SettleVersions" >> SettleVersions()
    keyed = {"slips": settled, "ledger": known.desks} | "KeyByStory" >> KeyByStory()

    rows = {"rows": parted.rows, "sizes": parted.sizes, "decisions": keyed.decisions}
    articles = rows | "WriteArticles" >> WriteArticles(config)
    stories = keyed.stories | "WriteStories" >> WriteStories(config)
    failures = (read, parsed, cleaned, tagged, parted, articles)
    rejects = (
        tuple(step.rejects for step in failures) | "Rejects" >> beam.Flatten() | "WriteRejects" >> WriteRejects(config)
    )
    entries = (keyed.ledger, parsed.held) | "Entries" >> beam.Flatten()
    ledger = entries | "WriteLedger" >> WriteLedger(config)

    written = tuple(step.files for step in (articles, stories, rejects, ledger)) | "Files" >> beam.Flatten()
    counting = (read, parsed, parted, articles, stories, rejects)
    counts = tuple(step.counts for step in counting) | "Counts" >> beam.Flatten()
    return (written, counts) | "Manifest" >> DraftManifest(config, parts, chain.parent, draft)
