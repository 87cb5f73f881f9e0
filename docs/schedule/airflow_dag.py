"""A run of Storywire a day, in Airflow 3: copy this file into the folder of DAGs.

Change the three paths and the time zone of the day. Storywire lives in an environment of its own, beside Airflow's; all
machines that may run the task have it there, and see the same folders.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, CronDataIntervalTimetable

STORYWIRE = "/opt/storywire/bin/storywire"
WIRE = "/srv/wire"  # WIRE/2026-03-12 holds what arrived on that day
OUT = "/srv/out"

with DAG(
    dag_id="storywire",
    description="Wire articles in, story-keyed Avro out",
    # Airflow 3 gives a bare cron expression no interval: its start and end would be one time.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2026, 3, 9, tzinfo=UTC),
    # Runs are a chain, each goes on from the stories and versions of the one before: all days, in order, one at a time,
    # and none before the day ahead of it is there.
    catchup=True,
    max_active_runs=1,
    default_args={"depends_on_past": True},
):
    BashOperator(
        task_id="run",
        # The shell becomes the run, which takes back what it wrote when the task is killed.
        bash_command=(
            f"exec {STORYWIRE} run --quiet --if_busy wait --input '{WIRE}/{{{{ data_interval_start | ds }}}}'"
            f" --output '{OUT}' --as_of '{{{{ data_interval_end | ts }}}}'"
        ),
        # The same interval gives the same bytes, so trying again needs no care.
        retries=3,
        retry_delay=timedelta(minutes=10),
        execution_timeout=timedelta(hours=6),
    )
