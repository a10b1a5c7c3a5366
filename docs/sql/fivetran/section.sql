-- Fivetran's table `section`.
CREATE OR REPLACE VIEW fivetran.section AS
SELECT gid AS id, created_at, name, project_id FROM sections;
