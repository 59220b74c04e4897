ALTER TABLE batches DROP COLUMN certificate;
