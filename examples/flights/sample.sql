-- How flights.parquet was made from the 3,000,000 rows of flights-3m.parquet
-- (npm package vega-datasets 3.2.1): the thirtieth of the rows whose MD5 begins
-- lowest, so that the choice depends on each row alone and every month keeps its
-- share. One thread and a total order make the bytes the same each time.
SET threads = 1;
COPY (
  SELECT date, delay, distance, origin, destination
  FROM 'flights-3m.parquet'
  WHERE md5(concat_ws('|', date, delay, distance, origin, destination)) < '08888888'
  ORDER BY date, origin, destination, distance, delay
) TO 'flights.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 19, ROW_GROUP_SIZE 131072);
