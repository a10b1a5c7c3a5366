-- Fivetran's table `project`.
CREATE OR REPLACE VIEW fivetran.project AS
SELECT
    gid AS id,
    owner ->> 'gid' AS owner_id,
    team ->> 'gid' AS team_id,
    workspace ->> 'gid' AS workspace_id,
    archived,
    color,
    created_at,
    current_status ->> 'text' AS current_status,
    current_status ->> 'color' AS current_status_color,
    coalesce(due_on, due_date) AS due_date,
    modified_at,
    name,
    notes,
    public,
    start_on
FROM projects;
