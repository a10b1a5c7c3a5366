-- Fivetran's table `project_task`; needs ../all_tasks.sql.
CREATE OR REPLACE VIEW fivetran.project_task AS
SELECT project ->> 'gid' AS project_id, gid AS task_id
FROM (SELECT gid, unnest(from_json(projects, '["JSON"]')) AS project FROM all_tasks);
