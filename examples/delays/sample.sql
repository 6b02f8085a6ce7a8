-- How the files in flights/ were made from the 3,000,000 rows of
-- flights-3m.parquet (npm package vega-datasets 3.2.1): a file a month, of the
-- seventy-fifth of the rows whose MD5 begins lowest, as CSV. One thread and a
-- total order make the rows the same each time. Then: gzip -n --best flights/*.csv
SET threads = 1;
CREATE TABLE sample AS
  SELECT date, delay, distance, origin, destination
  FROM 'flights-3m.parquet'
  WHERE md5(concat_ws('|', date, delay, distance, origin, destination)) < '0369d036'
  ORDER BY date, origin, destination, distance, delay;
COPY (FROM sample WHERE month(date) = 1) TO 'flights/2001-01.csv';
COPY (FROM sample WHERE month(date) = 2) TO 'flights/2001-02.csv';
COPY (FROM sample WHERE month(date) = 3) TO 'flights/2001-03.csv';
COPY (FROM sample WHERE month(date) = 4) TO 'flights/2001-04.csv';
COPY (FROM sample WHERE month(date) = 5) TO 'flights/2001-05.csv';
COPY (FROM sample WHERE month(date) = 6) TO 'flights/2001-06.csv';
