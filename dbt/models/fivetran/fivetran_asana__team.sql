{{ config(alias='team') }}
select team_id as id, name, workspace_id as organization_id,
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana__team') }}
