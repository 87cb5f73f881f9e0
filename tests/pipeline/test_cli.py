"""The command: exit codes, errors that say what to write, the summary, the progress line."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from pipeline import cli, progress
from pipeline import options as run_options
from pipeline.errors import OptionError
from pipeline.options import compact, config_of
from pipeline.run import _cause
from pipeline.runner import joined, runner_for
from pipeline.summary import short
from tests.conftest import ROOT
from tests.pipeline.outputs import tree, write_articles

NOW = datetime(2026, 3, 13, 1, 2, 3, 999, tzinfo=UTC)


def parsed(*options: str):
    return config_of(cli._parsers()[0].parse_args(["run", "--input", "in", "--output", "out", *options]), NOW)


def test_config_of_options():
    asked = parsed("--as_of", "2026-03-13T02:00:00+01:00", "--shards", "3", "--source_timezone", "Europe/Paris")
    assert asked.partition() == "as_of=20260313T010000Z"
    assert asked.shards == 3
    assert asked.shaping()["as_of"] == "2026-03-13T01:00:00Z"
    assert parsed().as_of == 1_773_363_723_000_000
    assert compact(1_773_363_723_000_000) == "20260313T010203Z"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--as_of", "tomorrow"], "write ISO 8601"),
        (["--as_of", "2026-02-30"], "--as_of=2026-02-30"),
        (["--as_of", "2026-02-20T10:00:00.5Z"], "in whole seconds"),
        (["--source_timezone", "Middle/Earth"], "Europe/Paris"),
        (["--shards", "0"], "from 1 to 1000"),
        (["--remember", "-1"], "days from 0 to 3660"),
        (["--max_item_bytes", "0"], "at least 1"),
        (["--max_reject_share", "5"], "from 0 to 1"),
        (["--output", " "], "name a folder"),
    ],
)
def test_bad_options_say_what_to_write(options, told):
    with pytest.raises(OptionError, match=told):
        parsed(*options)


def test_a_codec_that_is_not_at_hand_is_told_before_anything_is_read(monkeypatch):
    monkeypatch.setattr(run_options, "codec_at_hand", lambda name: name != "snappy")
    with pytest.raises(OptionError, match=r"--codec=snappy needs a package: pip install 'storywire\[snappy\]'"):
        parsed("--codec", "snappy")
    assert parsed("--codec", "null").codec == "null"
    assert parsed().codec == "deflate"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *arguments], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--input", "/nowhere"], "--input=/nowhere: there is no such file or folder"),
        (["--input", ".", "--inpt", "x"], "unknown option --inpt; did you mean --input?"),
        (["--input", ".", "--num_worker=3"], "did you mean --num_workers?"),
        (["--input", ".", "more"], "'more' stands alone"),
        (["--input", ".", "-v"], "unknown option -v"),
        (["--input", ".", "--runner=Nonsense"], "--runner=Nonsense: write one of"),
        (["--input", ".", "--runner=no.Such"], "--runner=no.Such: write one of"),
        (["--input", ".", "--source_timezone=localtime"], "not a time zone"),
        (["--input", "foo://bucket/*.json"], "foo://"),
        (["--input", "x" * 300], "can't be listed"),
    ],
)
def test_option_errors_exit_2_before_anything_is_read(tmp_path, options, told, capsys):
    assert cli.main(["run", "--output", str(tmp_path / "out"), *options]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.runner
def test_a_normal_run_shows_a_summary_and_nothing_else(tmp_path):
    wire = write_articles(tmp_path / "wire", 9)
    (wire / "late.json").write_text((wire / "0001.json").read_text())
    (wire / "cut.json").write_text("{")
    out = str(tmp_path / "out")
    asked = ["run", "--input", str(wire), "--output", out, "--as_of", "2026-03-13", "--max_reject_share", "0.5"]
    done = run(*asked)
    assert (done.returncode, done.stderr) == (0, "")
    for told in ("11 items from 11 files", "articles             9", "redeliveries         1", "parse/json 1", "en 9",
                 "as_of=20260313T000000Z", "Council of"):  # fmt: skip
        assert told in done.stdout, done.stdout
    before = tree(tmp_path / "out")
    two = run(*asked, "--quiet", "--direct_running_mode=multi_processing", "--direct_num_workers=2")
    assert (two.returncode, two.stdout, two.stderr) == (0, "", "")
    assert tree(tmp_path / "out") == before


@pytest.mark.runner
def test_a_screen_that_cannot_show_the_summary_is_no_failure(tmp_path):
    wire = write_articles(tmp_path / "wire", 2)
    for name, headline in (("a", "Ægir"), ("b", "Ægir again")):
        body = "The ferry Ægir of Skarholm ran aground on Monday with nobody hurt, the harbour office said."
        (wire / f"{name}.json").write_text(json.dumps({"title": headline, "body": body, "date": "2026-03-09"}))
    asked = f"{sys.executable} -m pipeline.cli run --input {wire} --output {tmp_path}/out --as_of 2026-03-13"
    done = subprocess.run(
        f"set -o pipefail; {asked} | true", shell=True, executable="/bin/bash", capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    done = subprocess.run(
        asked.split(), env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.runner
def test_a_failed_run_exits_1_without_a_traceback(tmp_path):
    wire = write_articles(tmp_path / "wire", 1)
    (wire / "cut.json").write_text("{")
    done = run("run", "--input", str(wire), "--output", str(tmp_path / "out"))
    assert done.returncode == 1
    assert "--max_reject_share" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_is_for_people():
    done = run("run", "--help")
    assert done.returncode == 0
    for told in ("--input PATTERN", "examples:", "exit codes", "what to read and where to write"):
        assert told in done.stdout


def test_help_does_not_import_beam():
    code = "import sys; import pipeline.cli; sys.exit('apache_beam' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_runner_is_always_named():
    runner, flags = runner_for([], 10, "")
    assert type(runner).__name__ == "FnApiRunner"
    assert flags == ["--direct_num_workers=1"]
    given = ["--runner", "FlinkRunner", "--job_name=mine"]
    assert runner_for(given, 10**9, "") == (None, given)
    runner, flags = runner_for(given[:2], 10**9, "")
    assert (runner, flags[:2]) == (None, given[:2])
    assert [flag.rpartition("-")[0] for flag in flags[2:]] == ["--job_name=storywire"]
    runner, flags = runner_for(
        ["--direct_running_mode", "multi_processing", "--direct_num_workers=3"], 10, "/var/log/a b"
    )
    assert flags == ["--direct_num_workers=3"]
    assert b"'/var/log/a b'" in runner._default_environment.command_string.encode()


def test_joined_flags():
    assert joined(["--a", "b", "--c=d", "--e", "--f"]) == ["--a=b", "--c=d", "--e", "--f"]


def test_cause_of_a_failure_is_its_last_telling_line():
    text = "Traceback (most recent call last):\n  File x\nOSError: [Errno 28] No space left [while running 'Write']\n\n"
    assert _cause(RuntimeError(text)).endswith("No space left [while running 'Write']")


def test_headlines_fit_a_terminal():
    assert short("a\x1b[31m\u202eb") == "a[31mb"
    assert short("渡" * 40) == "渡" * 32 + "…"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_line(tmp_path, monkeypatch):
    ticker = progress.Ticker(str(tmp_path))
    ticker.tick(1, 600)
    ticker.tick(1, 400)
    assert progress.read(tmp_path) == (2, 1000)
    assert progress.read(tmp_path / "nowhere") == (0, 0)
    assert progress.describe(61, 4, 4000, 2, 1000) == "01:01  2 items read, 25% of 0.0 MiB, about 183 s of reading left"
    assert "keying stories" in progress.describe(9, 4, 1000, 4, 1000)
    assert "starting" in progress.describe(1, 4, 1000, 0, 0)
    monkeypatch.setattr(progress, "_EVERY_SECONDS", 0.01)
    screen = Terminal()
    with progress.Line(str(tmp_path), 4, 4000, screen) as line:
        while "25% of" not in screen.getvalue():
            line._done.wait(0.01)
    assert screen.getvalue().endswith("\r")
    silent = io.StringIO()
    with progress.Line(str(tmp_path), 4, 4000, silent):
        pass
    assert silent.getvalue() == ""


def test_the_commands_of_the_page_on_runners_are_known():
    page = (ROOT / "docs" / "runners.md").read_text(encoding="utf-8").replace("\\\n", " ")
    commands = [shlex.split(line) for line in page.splitlines() if line.startswith("    storywire run ")]
    runners = set()
    parser, of_command = cli._parsers()
    for command in commands:
        args, flags = parser.parse_known_args(command[1:])
        config_of(args, NOW)
        cli._refuse_unknown(flags, of_command["run"])
        runners |= {flag for flag in flags if flag.startswith("--runner=")}
    assert runners == {"--runner=PortableRunner", "--runner=FlinkRunner", "--runner=DataflowRunner"}


@pytest.mark.parametrize(("lasts", "waits"), [("()", 0.3), ("(0.2,)", 20)], ids=["for ever", "a moment"])
def test_a_thread_that_never_ends_holds_no_process(lasts, waits):
    """An interruption may leave one of Beam's behind."""
    script = f"""
import sys, threading
from pipeline import cli
def main():
    threading.Thread(target=threading.Event().wait, args={lasts}).start()
    sys.stdout.write("said")
    return 3
cli.main, cli._THREADS_END_SECONDS = main, {waits}
cli.program()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (3, "said", "")
