-- One row per carrier, route and month; everything else is rolled up from it.
-- A flight is on time when it arrives less than 15 minutes late.
SELECT
    f.carrier AS carrier,
    f.origin AS origin,
    f.dest AS dest,
    f.month AS month,
    COUNT(*) AS flights,
    COUNT(f.arr_delay) AS arrived,
    COUNT(*) - COUNT(f.dep_time) AS cancelled,
    SUM(CASE WHEN f.arr_delay < 15 THEN 1 ELSE 0 END) AS on_time,
    SUM(f.arr_delay) AS minutes_late
FROM processed.flights f
GROUP BY f.carrier, f.origin, f.dest, f.month
