-- Joined by the moment: origin, month, day and hour name three hours twice, when the clocks went back.
WITH observed AS (
    SELECT
        f.dep_time AS dep_time,
        f.dep_delay AS dep_delay,
        CASE
            WHEN w.origin IS NULL THEN 'not measured'
            WHEN w.precip >= 0.1 THEN 'heavy precipitation'
            WHEN w.precip > 0 THEN 'light precipitation'
            WHEN w.visib < 3 THEN 'low visibility'
            WHEN w.wind_speed >= 25 THEN 'strong wind'
            ELSE 'fair'
        END AS conditions
    FROM processed.flights f
    LEFT JOIN processed.weather w ON w.origin = f.origin AND w.time_hour = f.time_hour
)
SELECT
    conditions,
    COUNT(*) AS flights,
    COUNT(*) - COUNT(dep_time) AS cancelled,
    CAST(ROUND(100.0 * (COUNT(*) - COUNT(dep_time)) / COUNT(*), 2) AS NUMERIC(5,2)) AS cancelled_percent,
    SUM(CASE WHEN dep_delay >= 15 THEN 1 ELSE 0 END) AS late,
    CAST(ROUND(100.0 * SUM(CASE WHEN dep_delay >= 15 THEN 1 ELSE 0 END) / COUNT(dep_time), 2) AS NUMERIC(5,2)) AS late_percent,
    CAST(ROUND(1.0 * SUM(dep_delay) / COUNT(dep_time), 2) AS NUMERIC(9,2)) AS mean_minutes_late
FROM observed
GROUP BY conditions
