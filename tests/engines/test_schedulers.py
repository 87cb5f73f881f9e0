"""The files of docs/schedule: their own tools take them, and what they start writes what runs by hand write.

Each file is run as it is but for its folders, which are a test's own.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import cli
from tests.conftest import ROOT, SAMPLES
from tests.engines import bring
from tests.pipeline import outputs
from tests.pipeline.outputs import tree

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

FILES = ROOT / "docs" / "schedule"
UNITS = ("storywire.service", "storywire.timer", "storywire-follow.service")
# CronJobs have had time zones since 1.27.
KUBERNETES = ("1.27", "1.37")
DAYS = ("2026-03-09", "2026-03-10")
MIDNIGHTS = ("2026-03-10", "2026-03-11")
"""Those that ended the days."""

STOPPING = "stopping after the slice in hand; once more stops it at once"

# What `airflow` runs, for all commands in one process: it takes ten seconds to start.
AIRFLOW = """
import sys
from airflow.__main__ import main
for command in sys.argv[1:]:
    sys.argv[1:] = command.split()
    main()
"""


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory) -> dict[str, str]:
    """The files of the samples' first two days, run one after the other."""
    output = tmp_path_factory.mktemp("by_hand")
    for day, midnight in zip(DAYS, MIDNIGHTS, strict=True):
        told = ["--input", str(SAMPLES / day), "--output", str(output), "--as_of", midnight]
        assert cli.main(["run", *told, "--quiet"]) == 0
    return tree(output)


class Machine:
    """Storywire at /opt/storywire, the samples at /srv/wire, and a clock that stands; all of it below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "srv" / "out"
        programs = folder / "opt" / "bin"
        programs.mkdir(parents=True)
        shutil.copy(FILES / "next_day.sh", programs)
        self.program("storywire", f'PYTHONPATH={ROOT} exec {sys.executable} -m pipeline.cli "$@"')
        # Today is the test's, reckoning is left to the system's own.
        today = f'[ "$*" = "-u +%Y%m%d" ] && exec cat {folder}/today'
        self.program("date", f'{today}\nexec {shutil.which("date")} "$@"')
        self.path = f"{programs}:{os.environ['PATH']}"
        self.output.mkdir(parents=True)
        wire = folder / "srv" / "wire"
        wire.mkdir()
        for day in DAYS:
            (wire / day).symlink_to(SAMPLES / day)

    def program(self, name: str, script: str) -> None:
        """Puts a script of the shell where the machine looks for programs first."""
        path = self.folder / "opt" / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def text(self, name: str) -> str:
        """A file of docs/schedule with the folders of this machine."""
        told = (FILES / name).read_text()
        for theirs in ("/opt/storywire/bin", "/usr/local/bin"):
            told = told.replace(theirs, str(self.folder / "opt" / "bin"))
        return told.replace("/srv/", f"{self.folder}/srv/")

    def copy(self, name: str, folder: Path, *changes: tuple[str, str]) -> Path:
        """The same as a file."""
        told = self.text(name)
        for old, new in changes:
            assert old in told
            told = told.replace(old, new)
        path = folder / name
        path.write_text(told)
        return path

    def commands(self) -> dict[str, list[str]]:
        """What each of the files that run the next day would start."""
        return {
            "cron": ["sh", "-c", crontab_line(self.text("crontab")).split(maxsplit=5)[5]],
            "systemd": exec_start(self.text("storywire.service")),
            "Kubernetes": container(self.text("cronjob.yaml"))["command"],
        }

    def start(self, command: list[str]) -> subprocess.Popen[str]:
        """Starts it as a scheduler would; it ends with the tests, however they end."""
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command], cwd="/", env=os.environ | {"PATH": self.path},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def set_day(self, day: str) -> None:
        (self.folder / "today").write_text(day.replace("-", ""))


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path)


def crontab_line(text: str) -> str:
    """The one line of a crontab that is neither a comment nor a variable."""
    (line,) = (line for line in text.splitlines() if line and not re.match(r"#|\w+=", line))
    assert "%" not in line  # it would begin a new line there
    return line


def exec_start(text: str) -> list[str]:
    (command,) = re.findall("^ExecStart=(.*)$", text, re.MULTILINE)
    return shlex.split(command)


def container(text: str) -> dict[str, Any]:
    """The one container of a CronJob or a Deployment."""
    spec = yaml.safe_load(text)["spec"]
    (found,) = spec.get("jobTemplate", {"spec": spec})["spec"]["template"]["spec"]["containers"]
    return dict(found)


def ended(started: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = started.communicate(timeout=120)
    return started.returncode, out, err


def until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_what_cron_systemd_and_kubernetes_start_runs_one_day_after_the_other(machine, by_hand):
    commands = machine.commands()

    machine.set_day(MIDNIGHTS[0])
    stopped = machine.start(commands["systemd"])
    until(lambda: (machine.output / ".lock").exists() and (machine.output / ".lock").read_text() != "")
    stopped.send_signal(signal.SIGTERM)
    assert ended(stopped) == (1, "", "storywire: stopped; the previous output stands\n")
    assert not any(name.endswith((".avro", ".json")) for name in tree(machine.output))
    assert ended(machine.start(commands["cron"])) == (0, "", "")

    machine.set_day(MIDNIGHTS[1])
    at_once = [machine.start(commands[name]) for name in ("systemd", "Kubernetes")]
    for started in at_once:
        code, out, err = ended(started)
        assert (code, out) == (0, "")
        assert err == "" or re.fullmatch("storywire: another run is writing .*; waiting for its end\n", err)
    assert tree(machine.output) == by_hand

    for command in commands.values():
        assert ended(machine.start(command)) == (0, "", "")
    machine.set_day("2026-03-20")
    code, out, err = ended(machine.start(commands["systemd"]))
    assert (code, out) == (2, "")
    assert f"{machine.folder}/srv/wire/2026-03-11: there is no such file or folder" in err
    assert tree(machine.output) == by_hand


@pytest.mark.parametrize(
    ("today", "manifests", "day", "as_of"),
    [
        ("2026-03-10", (), "2026-03-09", "2026-03-10"),
        ("2027-01-02", ("20261231T000000Z", "20261230T000000Z"), "2026-12-31", "2027-01-01"),
        ("2028-03-05", ("20280228T000000Z",), "2028-02-28", "2028-02-29"),
        ("2028-03-05", ("20280229T000000Z",), "2028-02-29", "2028-03-01"),
        # A replay's, a second after the day's own, and a run in the midst of a day, which is then read as a whole.
        ("2026-03-12", ("20260311T000000Z", "20260311T000001Z"), "2026-03-11", "2026-03-12"),
        ("2026-03-12", ("20260311T120000Z",), "2026-03-11", "2026-03-12"),
        ("2026-03-12", ("20260312T000000Z",), None, None),
        ("2026-03-12", ("20260401T000000Z",), None, None),
    ],
)
def test_the_next_day_is_the_one_after_the_newest_manifest(machine, today, manifests, day, as_of):
    machine.program("storywire", 'printf "%s\\n" "$@"')
    machine.set_day(today)
    output = machine.folder / "the output"
    (output / "manifests").mkdir(parents=True)
    for name in manifests:
        (output / "manifests" / f"as_of={name}.json").touch()
    next_day = str(machine.folder / "opt" / "bin" / "next_day.sh")
    code, out, err = ended(machine.start([next_day, "the wire", str(output), "--rules", "a b.toml"]))
    run = ["run", "--input", f"the wire/{day}", "--output", str(output), "--as_of", f"{as_of}T00:00:00Z"]
    assert (code, err) == (0, "")
    assert out.splitlines() == ([*run, "--if_busy", "wait", "--rules", "a b.toml"] if day else [])


def test_a_follower_that_is_stopped_ends_its_slice_first(machine):
    command = exec_start(machine.text("storywire-follow.service"))
    (program, *options) = container(machine.text("follow-deployment.yaml"))["command"]
    assert [shutil.which(program, path=machine.path), *options] == command
    started = machine.start(command)
    until(lambda: (machine.output / ".lock").exists() and (machine.output / ".lock").read_text() != "")
    started.send_signal(signal.SIGTERM)
    code, out, err = ended(started)
    assert code == 0
    assert f"storywire: {STOPPING}" in err.splitlines()
    assert len(outputs.manifest(machine.output)["input"]["read"]) == sum(
        path.is_file() for day in DAYS for path in (SAMPLES / day).rglob("*")
    )
    assert out != ""


def test_airflow_runs_two_days_and_one_of_them_again(machine, by_hand):
    try:
        python = bring.airflow() / "bin" / "python"
    except bring.MissingError as missing:
        pytest.skip(str(missing))
    dags = machine.folder / "airflow" / "dags"
    dags.mkdir(parents=True)
    machine.copy("airflow_dag.py", dags)
    variables = {
        "AIRFLOW_HOME": str(dags.parent),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    # A day by hand is the interval that ended last before that time.
    commands = ["db migrate", *(f"dags test storywire {day}" for day in (*MIDNIGHTS, MIDNIGHTS[-1]))]
    done = subprocess.run(
        [python, "-c", AIRFLOW, *commands],
        env={"HOME": str(machine.folder), "PATH": os.environ["PATH"]} | variables,
        cwd=machine.folder, capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-4000:]
    assert told.count("Command exited with return code 0") == 3
    assert tree(machine.output) == by_hand


def test_cron_takes_the_crontab(machine, tmp_path):
    if shutil.which("crontab") is None or "dry run" not in told_by("crontab", "-h"):
        pytest.skip("there is no crontab that checks files (-n): apt-get install cron")
    assert "successfully checked" in told_by("crontab", "-n", str(machine.copy("crontab", tmp_path)))
    assert "bad minute" in told_by("crontab", "-n", str(machine.copy("crontab", tmp_path, ("\n5 *", "\n65 *"))))
    line = " ".join(crontab_line((FILES / "crontab").read_text()).split())
    assert line in " ".join((ROOT / "README.md").read_text().split())


def test_systemd_takes_the_units(machine, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here: apt-get install systemd")
    verify = ("systemd-analyze", "verify", "--man=no", "--recursive-errors=no")
    assert told_by(*verify, *(str(machine.copy(name, tmp_path)) for name in UNITS)) == ""
    for old, new, complaint in (
        ("KillMode=mixed", "KillMod=mixed", "Unknown key"),
        ("KillMode=mixed", "KillMode=both", "Failed to parse kill mode"),
        ("next_day.sh", "last_day.sh", "is not executable"),
    ):
        assert complaint in told_by(*verify, str(machine.copy("storywire.service", tmp_path, (old, new))))
    (calendar,) = re.findall("^OnCalendar=(.*)$", machine.text("storywire.timer"), re.MULTILINE)
    elapses = re.findall(r"\d\d:\d\d:\d\d UTC", told_by("systemd-analyze", "calendar", "--iterations=24", calendar))
    assert {time[3:] for time in elapses} == {"05:00 UTC"}
    assert len({time[:2] for time in elapses}) == 24


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("name", ["cronjob.yaml", "follow-deployment.yaml"])
def test_kubernetes_takes_the_objects(name, version):
    validator = pytest.importorskip("kubernetes_validate", reason="pip install -r requirements/engines.lock")
    made = yaml.safe_load((FILES / name).read_text())
    assert validator.validate(made, version, strict=True) == version
    made["spec"]["replicaz"] = 1
    with pytest.raises(validator.ValidationError, match="replicaz"):
        validator.validate(made, version, strict=True)


def told_by(*command: str) -> str:
    """What a command says."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(command, **pipes, text=True, timeout=60, env=os.environ | {"LC_ALL": "C"}).stdout
