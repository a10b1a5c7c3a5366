-- Fivetran's table `task`; needs ../all_tasks.sql. Custom fields: the view task_custom_fields of docs/how-to.md.
CREATE OR REPLACE VIEW fivetran.task AS
SELECT
    gid AS id,
    assignee ->> 'gid' AS assignee_id,
    completed_by ->> 'gid' AS completed_by_id,
    created_by ->> 'gid' AS created_by_id,
    parent ->> 'gid' AS parent_id,
    workspace ->> 'gid' AS workspace_id,
    actual_time_minutes,
    completed,
    completed_at,
    created_at,
    due_at,
    due_on,
    liked,
    modified_at,
    name,
    notes,
    num_likes,
    resource_subtype,
    start_on
FROM all_tasks;
