-- Fivetran's table `story`.
CREATE OR REPLACE VIEW fivetran.story AS
SELECT
    gid AS id,
    created_at,
    created_by ->> 'gid' AS created_by_id,
    task_id AS target_id,
    hearted,
    num_hearts,
    source,
    text,
    type
FROM stories;
