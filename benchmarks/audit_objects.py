"""One audit of a prefix with many objects: seconds and memory, the first time (all are new) and again (none is).

    python benchmarks/audit_objects.py [--objects 10000,30000,100000]

Starts the Postgres and the S3 server of an embedded stack of its own and puts small objects there, ten a partition, under a
prefix a size. Each audit is a process of its own: its seconds are from the start of the listing to the decision, its memory
is the growth of the process's largest resident set from before the listing. No Airflow: no run is active, none is started.
The peer is the listing alone, with the same client.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from report import write

from landfall.objects.client import connect
from landfall.spec import Settings
from landfall.stack import control, settings

A_PARTITION = 10
CODE = """
import json, re, sys, time
from dataclasses import replace
from datetime import UTC, datetime
from landfall.objects.client import connect
from landfall.landing.landed import iterate_landing
from landfall.ledger import Current, audit
from landfall.pipelines.bike_demand import FORECAST
from landfall.database import connect as connect_database
from landfall.spec import Landing
from landfall.stack import settings


def peak() -> float:  # MB of this process's largest resident set; that of getrusage begins with the parent's
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 1024


where, prefix, what = settings(), sys.argv[1], sys.argv[2]
feed = replace(FORECAST, pipeline="benchmark", name=prefix, landing=Landing(prefix=prefix))
store = connect(where.s3)
current = Current(code="c", contract="k", model=None, now=datetime.now(UTC))
with connect_database(where) as database:
    store.list_objects_v2(Bucket=where.s3.bucket, Prefix="warm", MaxKeys=1)
    before, began = peak(), time.perf_counter()
    if what == "list":
        told = {"objects": sum(1 for _ in iterate_landing(store, where.s3.bucket, feed.landing))}
    else:
        found = audit(database, store, where.s3.bucket, feed, current,
                      active=lambda _: {}, newest=lambda feed, day: None)
        told = {"objects": found.objects, "new": found.new, "due": len(found.starts) + found.postponed}
    took = time.perf_counter() - began
    print(json.dumps({**told, "seconds": took, "mb": peak() - before}))
"""


def keys(prefix: str, count: int) -> Iterator[str]:
    """`count` keys, ten a day from 1990 on."""
    for number in range(count):
        day = date(1990, 1, 1) + timedelta(days=number // A_PARTITION)
        yield f"{prefix}/dt={day}/part-{number % A_PARTITION:02}.csv"


def fill(where: Settings, prefix: str, count: int) -> None:
    """Puts the objects, sixteen at a time."""
    client: Any = connect(where.s3)

    def put(key: str) -> None:
        client.put_object(Bucket=where.s3.bucket, Key=key, Body=b"x")

    with ThreadPoolExecutor(16) as pool:
        for _ in pool.map(put, keys(prefix, count), chunksize=256):
            pass


def once(prefix: str, what: str) -> dict[str, float]:
    """One audit (or listing) in a process of its own."""
    done = subprocess.run([sys.executable, "-c", CODE, prefix, what], capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", default="10000,30000,100000")
    sizes = [int(each) for each in parser.parse_args().objects.split(",")]
    lines = [
        "| objects | what | seconds | memory grown, MB | new to the ledger | partitions due |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as home:
        os.environ["LANDFALL_HOME"] = home
        control.up(["postgres", "s3"])
        try:
            for size in sizes:
                fill(settings(), f"many_{size}", size)
                for name, what in (("the listing alone", "list"), ("first audit", "audit"), ("second audit", "audit")):
                    told = once(f"many_{size}", what)
                    assert told["objects"] == size
                    new, due = told.get("new", ""), told.get("due", "")
                    lines.append(f"| {size:,} | {name} | {told['seconds']:.1f} | {told['mb']:.0f} | {new} | {due} |")
                    print(lines[-1], flush=True)
        finally:
            control.down()
    lines += ["", "Aim, with 100,000 objects: under 60 s and 200 MB, linear."]
    write("audit_objects", "An audit of many objects", lines)


if __name__ == "__main__":
    main()
