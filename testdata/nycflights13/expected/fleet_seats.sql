-- Planes and flights are counted each by themselves: a join of the two counts a plane once a flight.
SELECT
    p.manufacturer AS manufacturer,
    p.seats AS seats,
    p.aircraft AS aircraft,
    f.flights AS flights,
    CAST(ROUND(1.0 * f.flights / p.aircraft, 2) AS NUMERIC(9,2)) AS flights_per_plane
FROM (
    SELECT manufacturer, SUM(seats) AS seats, COUNT(*) AS aircraft
    FROM processed.planes GROUP BY manufacturer
) p
JOIN (
    SELECT known.manufacturer AS manufacturer, COUNT(*) AS flights
    FROM processed.flights flown JOIN processed.planes known ON known.tailnum = flown.tailnum
    GROUP BY known.manufacturer
) f ON f.manufacturer = p.manufacturer
