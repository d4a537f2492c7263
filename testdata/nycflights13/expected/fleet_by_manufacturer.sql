-- Flights by the maker of the plane; a tail number may be missing or unknown.
SELECT
    CASE
        WHEN f.tailnum IS NULL THEN 'no tail number'
        WHEN p.tailnum IS NULL THEN 'unknown plane'
        ELSE p.manufacturer
    END AS manufacturer,
    COUNT(*) AS flights,
    COUNT(DISTINCT f.tailnum) AS planes,
    SUM(f.distance) AS miles
FROM processed.flights f
LEFT JOIN processed.planes p ON p.tailnum = f.tailnum
GROUP BY ALL
