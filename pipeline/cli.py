"""The command `storywire`: options in, exit code out (0 done, 1 the run failed, 2 the options are wrong).

Beam is imported only when a run needs it, so that help and mistakes answer at once.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import importlib.util
import io
import logging
import os
import sys
import warnings
from datetime import UTC, datetime
from importlib.metadata import version

from pipeline import learn
from pipeline.errors import OptionError, RunError
from pipeline.options import add_replay_arguments, add_run_arguments, config_of
from transforms.parse.times import iso

_RUN_EXAMPLES = """examples:
  storywire run --input wire/ --output out/
  storywire run --input 'wire/2026-03-*/*.jsonl.gz' --input mail.tar --output out/ --as_of 2026-03-13T00:00:00Z

Any option of Apache Beam may follow, such as --runner=FlinkRunner or --direct_num_workers=2.
Without --runner the run uses FnApiRunner, with all cores for large inputs.
exit codes: 0 done, 1 the run failed and the previous output stands, 2 an option is wrong and nothing was read"""


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
        command = _check if args.command == "check" else _run
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
    for command in (run, replay, check):
        shown = command.add_argument_group("what is shown")
        shown.add_argument("--quiet", action="store_true", help="print nothing but errors")
        shown.add_argument(
            "--verbose", action="store_true", help="print Beam's warnings, and the traceback of a failure"
        )
    learning = commands.add_parser(
        "learn", help="learn term tables and the story model from articles of your own", allow_abbrev=False
    )
    learn.add_arguments(learning)
    return parser, {"run": run, "replay": replay, "check": check}


def _run(args: argparse.Namespace, flags: list[str], parser: argparse.ArgumentParser) -> int:
    if args.command == "replay":
        _refuse_unknown(flags, parser)
        from pipeline import replay, storage

        storage.connect(flags, args.rejects)
        replay.complete(args)
    config = config_of(args, datetime.now(UTC))
    _refuse_unknown(flags, parser)
    from pipeline.run import run
    from pipeline.summary import summary

    if args.as_of is None and not args.quiet:
        print(f"as of {iso(config.as_of)} (give --as_of={iso(config.as_of)} to run this again)", file=sys.stderr)
    outcome = run(config, flags)
    for note in outcome.notes:
        print(f"storywire: {note}", file=sys.stderr)
    if not args.quiet:
        _say(summary(config, outcome))
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
    logging.basicConfig(level=logging.CRITICAL)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)


if __name__ == "__main__":
    sys.exit(main())
