-- The name of the certificate with which a batch was cleared.
ALTER TABLE batches ADD COLUMN certificate TEXT;
