-- Fivetran's table `user`.
CREATE OR REPLACE VIEW fivetran."user" AS
SELECT gid AS id, email, name FROM users;
