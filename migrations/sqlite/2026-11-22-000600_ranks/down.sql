ALTER TABLE submissions DROP COLUMN expected_micro_usd;
