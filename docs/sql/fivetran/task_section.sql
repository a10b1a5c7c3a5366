-- Fivetran's table `task_section`; needs ../all_tasks.sql.
CREATE OR REPLACE VIEW fivetran.task_section AS
SELECT membership -> 'section' ->> 'gid' AS section_id, gid AS task_id
FROM (SELECT gid, unnest(from_json(memberships, '["JSON"]')) AS membership FROM all_tasks)
WHERE membership -> 'section' ->> 'gid' IS NOT NULL;
