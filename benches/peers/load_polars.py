"""Loads CSV files with a header into a Parquet file with Polars, and prints
what that took.

Arguments: the file or a pattern, the Parquet file, the types of the columns as
a JSON array of ["name", "type"].
Out: {"version": "..", "seconds": 0.1, "peak_bytes": 123, "rows": 1}
"""

import json
import resource
import sys
import time

import polars

TYPES = {
    "BIGINT": polars.Int64,
    "INTEGER": polars.Int32,
    "DATE": polars.Date,
    "DECIMAL": polars.Decimal(15, 2),
    "VARCHAR": polars.String,
}


def main(files, out, types):
    schema = {name: TYPES[kind] for name, kind in json.loads(types)}
    began = time.perf_counter()
    polars.scan_csv(files, schema=schema).sink_parquet(out, compression="lz4")
    seconds = time.perf_counter() - began
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = polars.scan_parquet(out).select(polars.len()).collect().item()
    answer = {"version": polars.__version__, "seconds": seconds, "peak_bytes": peak, "rows": rows}
    print(json.dumps(answer))


main(*sys.argv[1:])
