DROP TABLE sureties;
DROP TABLE validators;
