-- Fivetran's table `task_tag`; needs ../all_tasks.sql.
CREATE OR REPLACE VIEW fivetran.task_tag AS
SELECT gid AS task_id, tag ->> 'gid' AS tag_id
FROM (SELECT gid, unnest(from_json(tags, '["JSON"]')) AS tag FROM all_tasks);
