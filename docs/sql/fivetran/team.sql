-- Fivetran's table `team`.
CREATE OR REPLACE VIEW fivetran.team AS
SELECT gid AS id, name, organization ->> 'gid' AS organization_id FROM teams;
