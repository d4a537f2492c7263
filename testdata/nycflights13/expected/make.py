#!/usr/bin/env python3
"""Computes what the pipeline and the metrics example must show.

    pip install duckdb
    python3 make.py

Runs each query of this folder in DuckDB over the files beside it, and writes
its rows, sorted by the first columns, as CSV with NULL as an empty field.
"""

import pathlib

import duckdb

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent
TABLES = {
    "flights": "flights_2013-*.csv.gz",
    "weather": "weather.csv",
    "planes": "planes.csv",
    "airports": "airports.csv",
    "airlines": "airlines.csv",
}
# In the order in which they use each other, with the columns that order them.
VIEWS = {
    "on_time": "carrier, origin, dest, month",
    "on_time_by_carrier": "carrier",
    "on_time_by_month": "month",
    "on_time_by_route": "origin, dest",
    "delay_by_weather": "conditions",
    "fleet_by_manufacturer": "manufacturer",
    "expectations": "expectation",
    "fleet_seats": "flights DESC, manufacturer",
    "waiting_by_month": "month",
    "on_time_by_origin": "on_time_percent DESC",
    "on_time_to_date": "month",
}

db = duckdb.connect()
db.execute("CREATE SCHEMA processed; CREATE SCHEMA semantic")
for table, files in TABLES.items():
    db.execute(
        f"CREATE TABLE processed.{table} AS SELECT * FROM read_csv('{DATA}/{files}', nullstr='NA', sample_size=-1)"
    )
for view, order in VIEWS.items():
    db.execute(f"CREATE VIEW semantic.{view} AS {(HERE / f'{view}.sql').read_text()}")
    db.execute(f"COPY (SELECT * FROM semantic.{view} ORDER BY {order}) TO '{HERE / f'{view}.csv'}' (HEADER)")
