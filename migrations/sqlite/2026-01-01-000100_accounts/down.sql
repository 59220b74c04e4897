DROP TABLE user_keys;
DROP TABLE sessions;
DROP TABLE users;
