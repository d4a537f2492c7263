-- Four airports that are flown to are in no list of airports: their name is NULL.
-- One route was cancelled on its only day: nothing arrived, so there is no rate.
SELECT
    o.origin AS origin,
    o.dest AS dest,
    p.name AS airport,
    SUM(o.flights) AS flights,
    SUM(o.arrived) AS arrived,
    SUM(o.cancelled) AS cancelled,
    SUM(o.on_time) AS on_time,
    CAST(ROUND(100.0 * SUM(o.on_time) / NULLIF(SUM(o.arrived), 0), 2) AS NUMERIC(5,2)) AS on_time_percent,
    CAST(ROUND(1.0 * SUM(o.minutes_late) / NULLIF(SUM(o.arrived), 0), 2) AS NUMERIC(9,2)) AS mean_minutes_late
FROM semantic.on_time o
LEFT JOIN processed.airports p ON p.faa = o.dest
GROUP BY o.origin, o.dest, p.name
