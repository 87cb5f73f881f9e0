"""A worker process of a run on this machine: Beam's own, but it ends as soon as the process that started it has gone.

By itself it would wait minutes for a server that a killed run has taken along. The starting process holds the other end
of this one's stdin and never writes to it, so that its end, however it comes, can be read here.
"""

from __future__ import annotations

import os
import sys
import threading


def _end_with_parent() -> None:
    # Not through sys.stdin: its lock, held by a thread that waits, aborts Python at the end of the process.
    while os.read(0, 1):
        pass
    os._exit(1)


def main() -> None:
    """Does what Beam's runner asks until it is told to end."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    main()
