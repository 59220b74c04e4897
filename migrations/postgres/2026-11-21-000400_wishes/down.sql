DROP INDEX blocks_time;
DROP TABLE wishes;
