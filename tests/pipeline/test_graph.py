"""The graph as engines get it: stable labels, keys whose bytes are the same everywhere, nothing of this machine."""

from __future__ import annotations

import base64
import bz2
import pickletools
import re

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions
from apache_beam.portability import common_urns, python_urns
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.runners.pipeline_context import PipelineContext

from pipeline import graph
from pipeline.earlier import Earlier, LedgerFile
from pipeline.inputs import InputFile
from pipeline.ledger import Chain
from tests.conftest import ROOT
from tests.pipeline.outputs import AS_OF, config

GROUPING = (common_urns.primitives.GROUP_BY_KEY.urn, common_urns.composites.COMBINE_PER_KEY.urn)


@pytest.fixture(scope="module")
def proto() -> api.Pipeline:
    """The graph of a run that goes on from another and holds embargoed articles."""
    asked = config("/srv/out", "/srv/wire", hold_embargoed=True)
    parts = [InputFile(b"/srv/wire/1.json", "1.json", 1, AS_OF)]
    parent = {"partition": "as_of=20260312T000000Z", "sha256": "0"}
    files = (LedgerFile("/srv/out/l", 1), LedgerFile("/srv/out/k", 0))
    desks = {"en": {"since": "as_of=20260312T000000Z", "files": ["ledger/as_of=20260312T000000Z/snapshot-en-0.avro"]}}
    chain = Chain(
        parent, 10, Earlier("/srv/out", 0, files, desks), ("en",), files, "as_of=20260302T000000Z", [], {}, []
    )
    pipeline = beam.Pipeline("FnApiRunner")
    graph.build(pipeline, asked, parts, chain, "/srv/out/manifests/draft")
    return pipeline.to_runner_api()


def test_every_label_is_stable(proto):
    """A label of a lambda holds its file and line; an engine that updates or resumes a job goes by labels."""
    # Beam's own Create has one inside, in Beam's file.
    names = [
        re.sub(r"FlatMap\(<lambda at core\.py:\d+>\)$", "FlatMap", transform.unique_name)
        for transform in proto.components.transforms.values()
    ]
    assert len(names) > 70
    assert [name for name in names if re.search(r"lambda|\.py|:\d|<|0x", name)] == []
    root = proto.components.transforms[proto.root_transform_ids[0]]
    steps = [proto.components.transforms[name].unique_name for name in root.subtransforms]
    assert steps == [
        "Read", "Parse", "Clean", "TagLanguage", "Part", "SettleVersions", "KeyByStory", "WriteArticles",
        "EncodeStories", "Rejects", "EncodeRejects", "Entries", "EncodeLedger", "Rows", "Sizes", "WriteRows",
        "MergeLedger", "Files", "Counts", "Manifest",
    ]  # fmt: skip


def test_every_key_has_one_encoding(proto):
    """An engine groups by the bytes of a key, so that equal keys need equal bytes, on every machine."""
    context = PipelineContext(proto.components)
    keys = {}
    for transform in proto.components.transforms.values():
        if transform.spec.urn in GROUPING:
            (grouped,) = transform.inputs.values()
            coder = context.coders.get_by_id(proto.components.pcollections[grouped].coder_id)
            keys[transform.unique_name] = coder.key_coder()
    ours = {
        "SettleVersions/ByItem", "SettleVersions/Together", "KeyByStory/ByDesk", "WriteArticles/Join",
        "WriteArticles/Sizes", "WriteRows/Sizes", "WriteRows/Group", "Manifest/Group",
    }  # fmt: skip
    assert {name for name in ours if any(key.startswith(name) for key in keys)} == ours
    assert {name: coder for name, coder in keys.items() if not coder.is_deterministic()} == {}


def test_the_main_module_is_never_pickled(proto):
    """Workers import the code, which is installed there: neither a session nor a path of this machine goes along."""
    assert PipelineOptions([]).view_as(SetupOptions).save_main_session is not True
    payloads = {}
    for transform in proto.components.transforms.values():
        if transform.spec.urn == common_urns.primitives.PAR_DO.urn:
            do_fn = api.ParDoPayload.FromString(transform.spec.payload).do_fn
            if do_fn.urn == python_urns.PICKLED_DOFN_INFO:
                payloads[transform.unique_name] = _strings(do_fn.payload)
    assert any("transforms.steps" in strings for strings in payloads.values())
    for name, strings in payloads.items():
        # Functions within Beam's own steps say which of its files they are from, wherever it is installed.
        told = [text for text in strings if "__main__" in text or (str(ROOT) in text and "/apache_beam/" not in text)]
        assert told == [], f"{name} takes along {told}"


def _strings(pickled: bytes) -> list[str]:
    """The texts in what Beam pickled."""
    operations = pickletools.genops(bz2.decompress(base64.b64decode(pickled)))
    return [value for _, value, _ in operations if isinstance(value, str)]
