-- Fivetran's table `task_follower`; needs ../all_tasks.sql.
CREATE OR REPLACE VIEW fivetran.task_follower AS
SELECT gid AS task_id, follower ->> 'gid' AS user_id
FROM (SELECT gid, unnest(from_json(followers, '["JSON"]')) AS follower FROM all_tasks);
