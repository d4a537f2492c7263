SELECT
    o.month AS month,
    SUM(o.flights) AS flights,
    SUM(o.arrived) AS arrived,
    SUM(o.cancelled) AS cancelled,
    SUM(o.on_time) AS on_time,
    CAST(ROUND(100.0 * SUM(o.on_time) / NULLIF(SUM(o.arrived), 0), 2) AS NUMERIC(5,2)) AS on_time_percent,
    CAST(ROUND(1.0 * SUM(o.minutes_late) / NULLIF(SUM(o.arrived), 0), 2) AS NUMERIC(9,2)) AS mean_minutes_late
FROM semantic.on_time o
GROUP BY o.month
