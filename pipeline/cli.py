"""The command `storywire`: options in, exit code out (0 done, 1 the run failed, 2 the options are wrong).

Beam is imported only when a run needs it, so that help and mistakes answer at once.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import importlib.util
import io
import json
import logging
import os
import sys
import threading
import time
import warnings
from datetime import UTC, datetime
from importlib.metadata import version
from typing import NoReturn

from pipeline import learn
from pipeline.errors import OptionError, RunError
from pipeline.options import add_follow_arguments, add_replay_arguments, add_run_arguments, config_of
from transforms.parse.times import iso

_RUN_EXAMPLES = """examples:
  storywire run --input wire/ --output out/
  storywire run --input 'wire/2026-03-*/*.jsonl.gz' --input mail.tar --output out/ --as_of 2026-03-13T00:00:00Z
  storywire run --again out/manifests/as_of=20260313T000000Z.json

Any option of Apache Beam may follow, such as --runner=FlinkRunner or --direct_num_workers=2.
Without --runner the run uses FnApiRunner, with all cores for large inputs.
exit codes: 0 done, 1 the run failed and the previous output stands, 2 an option is wrong and nothing was read"""

_FOLLOW_EXAMPLES = """examples:
  storywire follow --input wire/ --output out/
  storywire follow --input wire/ --output out/ --every 5 --settle 0 --after move --move_to read/

SIGTERM or Ctrl-C ends it after the slice in hand, a second one at once. What can't be done (a full disk, a store that
doesn't answer) is tried again, after pauses of up to a minute.
exit codes: 0 stopped, 1 stopped in the midst of a slice, whose files are read next time, 2 an option is wrong"""

_EVALUATE_EXAMPLES = """examples:
  storywire evaluate gold.tsv out/
  storywire evaluate gold.jsonl out/ --worst 20
  storywire evaluate gold.tsv out/ --json | jq .bcubed.f1

GOLD is a table (TSV or CSV with a header) or JSON lines, a row an article. Its column `story`, any label, says which
story that belongs to; `guid`, `article_id`, or `uri` with `position` says which article, as the rows of articles have
it. Other columns, and rows without a story, are ignored.
exit codes: 0 computed, 1 the output folder is damaged, 2 an option or the gold file is wrong"""

_EXPLAIN_EXAMPLES = """examples:
  storywire explain out/ urn:newsml:example.org:20260309:1177
  storywire explain out/ 2026-03-09/north-sea-press.jsonl --position 3
  storywire explain out/ 'calder haven'                         (names the articles with that in their headline)
  storywire explain out/ 2c4b99bf6575a5c6ce74be8b95df0624 --json | jq '.candidates[0].features'

Nothing is kept for this. The run that keyed the article is keyed again, from its own rows and the ledger that it went
on from, and all articles of the language are held against their rows; a run of 100,000 articles takes some minutes.
exit codes: 0 explained, 1 the run comes out otherwise or the folder is damaged, 2 an option or ARTICLE is wrong"""


_THREADS_END_SECONDS = 5.0


def main(argv: list[str] | None = None) -> int:
    """Runs the command; gives the exit code."""
    parser, of_command = _parsers()
    args, rest = parser.parse_known_args(argv)
    try:
        if args.command == "learn":
            if rest:
                raise OptionError(f"unknown option {rest[0]}; see `storywire learn --help`")
            return learn.run(args)
        _quieten(args.verbose)
        other = {"follow": _follow, "check": _check, "evaluate": _evaluate, "explain": _explain}
        command = other.get(args.command, _run)
        return command(args, rest, of_command[args.command])
    except OptionError as error:
        print(f"storywire: {error}", file=sys.stderr)
        return 2
    except RunError as error:
        print(f"storywire: {error}", file=sys.stderr)
        if args.verbose:
            raise
        print("storywire: run it again with --verbose to see where", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("storywire: stopped; the previous output stands", file=sys.stderr)
        return 1


def program() -> NoReturn:
    """The command as a process: it ends with `main`, though an interruption may have left threads that never do."""
    code = main()
    end = time.monotonic() + _THREADS_END_SECONDS
    # Beam's sampler of states is stopped by the code that started it, unless that was interrupted in between.
    others = [one for one in threading.enumerate() if one is not threading.main_thread() and not one.daemon]
    for thread in others:
        thread.join(max(0.0, end - time.monotonic()))
    if any(thread.is_alive() for thread in others):
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    parser = argparse.ArgumentParser(
        prog="storywire",
        description="Wire articles in, story-keyed Avro out: same articles in, same bytes out.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"storywire {version('storywire')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run",
        help="read articles, clean, tag and key them, write Avro",
        description="Reads articles, cleans them, tags their language, keys them by story and writes Avro.",
        epilog=_RUN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_run_arguments(run)
    follow = commands.add_parser(
        "follow",
        help="do so with whatever arrives in a folder",
        description="Watches folders and runs a slice whenever files have settled there: a chain of small runs, each "
        "committed by its manifest, which also says what was read. A follower that is stopped or killed goes on where "
        "the last one ended.",
        epilog=_FOLLOW_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_follow_arguments(follow)
    replay = commands.add_parser(
        "replay",
        help="read again what a run rejected",
        description="Reads the payloads that a run rejected again, once the cause is mended, with the uri and position "
        "that they had. It adds a partition to the chain, a second after that of the run; the run's own stays as "
        "it is. The same replay again replaces its own partition.",
        allow_abbrev=False,
    )
    add_replay_arguments(replay)
    check = commands.add_parser(
        "check",
        help="read an output folder back and say whether it is whole",
        description="Reads all that manifests name: files against their hashes, rows against schemas, keys and counts, "
        "the chain of partitions; says what to run again.",
        epilog="exit codes: 0 all is whole, 1 something is to be run again, 2 an option is wrong",
        allow_abbrev=False,
    )
    check.add_argument("output", metavar="DIR", help="the --output folder of runs")
    evaluate = commands.add_parser(
        "evaluate",
        help="score the story keys of runs against an editor's",
        description="Compares story keys with those of a gold file: BCubed, pairs of articles, V-measure, and the "
        "worst splits and merges by headline. All partitions that have a manifest count; an article has the story that "
        "its newest row says, and stories that were merged are one.",
        epilog=_EVALUATE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    evaluate.add_argument("gold", metavar="GOLD", help="the gold file")
    evaluate.add_argument("output", metavar="OUT", help="the --output folder of runs")
    evaluate.add_argument(
        "--worst", type=int, default=5, metavar="N", help="how many splits and merges to list (default: %(default)s)"
    )
    evaluate.add_argument("--json", action="store_true", help="print one JSON object instead of words")
    explain = commands.add_parser(
        "explain",
        help="say why an article has its story",
        description="Says which stories were candidates when the article was keyed, their scores, features and the "
        "terms they share with it, why it joined one or opened its own, and what became of that story until the end "
        "of the run: recomputed, and held against what the run decided.",
        epilog=_EXPLAIN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    explain.add_argument("output", metavar="OUT", help="the --output folder of runs")
    explain.add_argument(
        "article", metavar="ARTICLE", help="a guid, a uri (uri#position where it holds several) or an article_id"
    )
    explain.add_argument("--position", type=int, metavar="N", help="which entry of the uri ARTICLE, as its row has it")
    explain.add_argument("--json", action="store_true", help="print one JSON object, with all features")
    for command in (run, follow, replay, check, evaluate, explain):
        shown = command.add_argument_group("what is shown")
        if command not in (evaluate, explain):
            shown.add_argument("--quiet", action="store_true", help="print nothing but errors")
        more = "all features, " if command is explain else ""
        shown.add_argument(
            "--verbose", action="store_true", help=f"print {more}Beam's warnings, and the traceback of a failure"
        )
    learning = commands.add_parser(
        "learn", help="learn term tables and the story model from articles of your own", allow_abbrev=False
    )
    learn.add_arguments(learning)
    named = (run, follow, replay, check, evaluate, explain)
    return parser, {command.prog.rpartition(" ")[2]: command for command in named}


def _run(args: argparse.Namespace, flags: list[str], parser: argparse.ArgumentParser) -> int:
    if args.command == "replay":
        _refuse_unknown(flags, parser)
        from pipeline import replay, storage

        storage.connect(flags, args.rejects)
        replay.complete(args)
    standing = None
    if args.command == "run" and args.again:
        _refuse_unknown(flags, parser)
        from pipeline import again, storage

        storage.connect(flags, args.again)
        standing = again.complete(args)
    elif not args.input or args.output is None:
        parser.error("the following arguments are required: --input and --output, or --again")
    config = config_of(args, datetime.now(UTC))
    if standing is not None:
        config = config._replace(followed="read" in standing["input"])
    _refuse_unknown(flags, parser)
    from pipeline.run import run
    from pipeline.summary import summary

    if args.as_of is None and not args.quiet:
        print(f"as of {iso(config.as_of)} (give --as_of={iso(config.as_of)} to run this again)", file=sys.stderr)
    outcome = run(config, flags, standing)
    for note in outcome.notes:
        print(f"storywire: {note}", file=sys.stderr)
    if not args.quiet:
        _say(summary(config, outcome))
    return 0


def _follow(args: argparse.Namespace, flags: list[str], parser: argparse.ArgumentParser) -> int:
    config = config_of(args, datetime.now(UTC))
    _refuse_unknown(flags, parser)
    from pipeline.follow import follow, plan_of

    follow(config, flags, plan_of(args), args.quiet)
    return 0


def _check(args: argparse.Namespace, flags: list[str], parser: argparse.ArgumentParser) -> int:
    _refuse_unknown(flags, parser)
    from pipeline import check, storage

    output = str(args.output).rstrip("/") or "/"
    storage.connect(flags, output)
    report = check.check(output)
    if report.again or not args.quiet:
        _say(check.tell(output, report))
    return 1 if report.again else 0


def _evaluate(args: argparse.Namespace, flags: list[str], parser: argparse.ArgumentParser) -> int:
    _refuse_unknown(flags, parser)
    if args.worst < 0:
        raise OptionError(f"--worst={args.worst}: write a number of splits and merges, 0 for none")
    from pipeline import evaluate, gold, storage

    output = str(args.output).rstrip("/") or "/"
    storage.connect(flags, args.gold, output)
    found = evaluate.evaluate(gold.read(args.gold), output)
    # JSON in ASCII, which is JSON whatever the terminal can show.
    _say(json.dumps(evaluate.as_json(found, args.worst), indent=2) if args.json else evaluate.tell(found, args.worst))
    return 0


def _explain(args: argparse.Namespace, flags: list[str], parser: argparse.ArgumentParser) -> int:
    _refuse_unknown(flags, parser)
    from pipeline import explain, storage

    output = str(args.output).rstrip("/") or "/"
    storage.connect(flags, output)
    found = explain.explain(output, args.article, args.position, _note)
    told = json.dumps(explain.as_json(found), indent=2) if args.json else explain.tell(found, args.verbose)
    _say(told)
    wrong = explain.difference(found)
    if wrong:
        print(f"storywire: {wrong}", file=sys.stderr)
    return 1 if wrong else 0


def _note(text: str) -> None:
    """Says to a person who waits what is being done."""
    print(f"storywire: {text} …", file=sys.stderr)


def _say(text: str) -> None:
    """Prints what a committed run has to say; a terminal that can't show it or has gone is no failure of the run."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse_unknown(flags: list[str], parser: argparse.ArgumentParser) -> None:
    """OptionError for what neither we nor Beam know, with the nearest name that is."""
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions, _BeamArgumentParser

    beam_parser = _BeamArgumentParser(add_help=False, allow_abbrev=False)
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(beam_parser)
    known = sorted({*beam_parser._option_string_actions, *parser._option_string_actions})
    for flag in flags:
        name = flag.partition("=")[0]
        if name.startswith("-") and not name[1:2].isdigit() and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; see `{parser.prog} --help`"
            raise OptionError(f"unknown option {name}{hint}")
    runner = PipelineOptions(flags).view_as(StandardOptions).runner
    if runner and not _is_runner(runner, StandardOptions.KNOWN_RUNNER_NAMES):
        raise OptionError(f"--runner={runner}: write one of {', '.join(StandardOptions.KNOWN_RUNNER_NAMES)}")
    strays = [
        flag
        for before, flag in zip(["", *flags], flags, strict=False)
        if not flag.startswith("-") and (not before.startswith("--") or "=" in before)
    ]
    if strays:
        takes_input = "--input" in parser._option_string_actions
        hint = (
            f"write --input {strays[0]!r} for a file or folder to read"
            if takes_input
            else f"see `{parser.prog} --help`"
        )
        raise OptionError(f"{strays[0]!r} stands alone; {hint}")


def _is_runner(runner: str, known: list[str]) -> bool:
    """True for one of Beam's runners, in any case and with or without `Runner`, or the full name of a class."""
    if "." in runner:
        with contextlib.suppress(ImportError):
            return importlib.util.find_spec(runner.rpartition(".")[0]) is not None
    names = {name.lower() for name in known}
    return runner.lower() in names or f"{runner.lower()}runner" in names


def _quieten(verbose: bool) -> None:
    """Beam's and its libraries' warnings speak to those who write pipelines, not to those who run one."""
    if verbose:
        logging.basicConfig(level=logging.WARNING)
        logging.getLogger("pipeline").setLevel(logging.DEBUG)
        return
    warnings.simplefilter("ignore")
    # Some engines' loggers take a level of their own, so the handler has one too.
    handler = logging.StreamHandler()
    handler.setLevel(logging.CRITICAL)
    logging.basicConfig(level=logging.CRITICAL, handlers=[handler])
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)


if __name__ == "__main__":
    program()
