-- How many rows break each expectation that the pipeline example begins with.
SELECT 'DEPARTURE' AS expectation, COUNT(*) AS flights
FROM processed.flights WHERE dep_time NOT BETWEEN 0 AND 2359
UNION ALL
SELECT 'DISTANCE', COUNT(*)
FROM processed.flights WHERE distance NOT BETWEEN 50 AND 3000
UNION ALL
SELECT 'PLANE', COUNT(*)
FROM processed.flights f
WHERE f.tailnum IS NOT NULL AND NOT EXISTS (SELECT 1 FROM processed.planes p WHERE p.tailnum = f.tailnum)
