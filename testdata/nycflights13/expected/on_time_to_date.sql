-- Until each month: the ratio of the sums of all months so far.
SELECT
    m.month AS month,
    m.on_time_percent AS on_time_percent,
    CAST(ROUND(100.0 * SUM(m.on_time) OVER (ORDER BY m.month) / SUM(m.arrived) OVER (ORDER BY m.month), 2) AS NUMERIC(5,2)) AS to_date
FROM semantic.on_time_by_month m
