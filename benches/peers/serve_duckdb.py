"""Runs statements for the benchmarks: a JSON object a line in, one a line out.

In:  {"sql": "..", "rows": true}
Out: {"seconds": 0.1, "types": [..], "rows": [[..]], "peak_bytes": 123}
     or {"error": ".."}

A query's time ends when its whole result is there in DuckDB's own form; its
values are turned into text after that.
"""

import json
import resource
import sys
import time

import duckdb


def text(value):
    return None if value is None else str(value)


def run(connection, request):
    began = time.perf_counter()
    relation = connection.sql(request["sql"])
    result = relation.materialize() if relation is not None else None
    answer = {"seconds": time.perf_counter() - began, "types": [], "rows": []}
    if request.get("rows") and result is not None:
        answer["types"] = [str(kind) for kind in result.types]
        answer["rows"] = [[text(value) for value in row] for row in result.fetchall()]
    answer["peak_bytes"] = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return answer


def main(path, threads):
    connection = duckdb.connect(path)
    connection.execute(f"SET threads = {int(threads)}")
    # It would be drawn into the answers.
    connection.execute("SET enable_progress_bar = false")
    print(json.dumps({"version": duckdb.__version__}), flush=True)
    for line in sys.stdin:
        try:
            answer = run(connection, json.loads(line))
        except duckdb.Error as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


main(*sys.argv[1:])
