"""A run of Storywire a day, in Airflow 3: copy this file into the folder of DAGs.

Change the paths, the zone and the first day. Storywire lives in an environment of its own, beside Airflow's; all
machines that may run the task have it there, and see the same folders.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, CronDataIntervalTimetable

STORYWIRE = "/opt/storywire/bin/storywire"
WIRE = "/srv/wire"  # WIRE/2026-03-12 holds what arrived on that day
OUT = "/srv/out"
ZONE = "UTC"  # where a day begins at midnight
FIRST = datetime(2026, 3, 9, tzinfo=UTC)

with DAG(
    dag_id="storywire",
    description="Wire articles in, story-keyed Avro out",
    # Airflow 3 gives a bare cron expression no interval: its start and end would be one time.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone=ZONE),
    start_date=FIRST,
    catchup=True,
    # Days that wait for one that failed hold a place each, and that day needs one to be run again: with
    # max_active_runs=1 it would stay queued for ever once it is cleared.
    max_active_runs=10_000,
):
    BashOperator(
        task_id="run",
        # Runs are a chain, each goes on from the stories and versions of the one before: all days, in order, one at a
        # time, and none before the day ahead of it is there.
        depends_on_past=True,
        max_active_tis_per_dag=1,
        # The shell becomes the run, which takes back what it wrote when the task is killed.
        bash_command=(
            f"exec {STORYWIRE} run --quiet --if_busy wait --output '{OUT}' --as_of '{{{{ data_interval_end | ts }}}}'"
            f" --input '{WIRE}/{{{{ data_interval_start.in_timezone('{ZONE}') | ds }}}}'"
        ),
        # The same interval gives the same bytes, so trying again needs no care.
        retries=3,
        retry_delay=timedelta(minutes=10),
        execution_timeout=timedelta(hours=6),
    )
