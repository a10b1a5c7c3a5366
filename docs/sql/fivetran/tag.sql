-- Fivetran's table `tag`.
CREATE OR REPLACE VIEW fivetran.tag AS
SELECT gid AS id, color, created_at, name, notes, workspace ->> 'gid' AS workspace_id FROM tags;
