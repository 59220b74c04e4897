-- What a clearing that was handed in is expected to bring, once it has its rank.
ALTER TABLE submissions ADD COLUMN expected_micro_usd TEXT COLLATE "C";
