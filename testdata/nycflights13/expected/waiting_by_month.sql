-- Flights that should have left before nine in the evening of a month's last day, and had not.
SELECT
    f.month AS month,
    SUM(CASE WHEN f.hour * 60 + f.minute < 1260 AND f.hour * 60 + f.minute + f.dep_delay >= 1260 THEN 1 ELSE 0 END) AS at_nine
FROM processed.flights f
JOIN (SELECT month, MAX(day) AS day FROM processed.flights GROUP BY month) last_day
    ON last_day.month = f.month AND last_day.day = f.day
GROUP BY f.month
