SELECT
    origin,
    CAST(ROUND(100.0 * SUM(CASE WHEN arr_delay < 15 THEN 1 ELSE 0 END) / COUNT(arr_delay), 2) AS NUMERIC(5,2)) AS on_time_percent
FROM processed.flights
GROUP BY origin
